"""The command `midstream`. Importing this module needs the core only; its commands need the extra `cli`."""

from __future__ import annotations

import sys

from midstream._cli.console.extras import MissingPackagesError, require


def main() -> None:
    """Runs the command line of this process, and exits.

    The exit status is 0 for success, 1 for a failure or a finding, and 2 for what could not be done: an invalid option,
    or a missing package.
    """
    try:
        require("click")
        from midstream._cli.app import app  # noqa: PLC0415 - click is in the extra

        app(prog_name="midstream")
    except MissingPackagesError as missing:
        sys.stderr.write(f"midstream: {missing}\n")
        sys.exit(2)
