"""The command `midstream`. Importing this module takes the core only; its commands take the extra `cli`."""

from __future__ import annotations

import sys

from midstream._cli.console.extras import MissingPackagesError, require

__all__ = ("main",)


def main() -> None:
    """Runs the command line of this process, and exits.

    The exit status is 0 if all is well, 1 if what was done failed, and 2 if it could not be done: a wrong option, or a
    package that is missing.
    """
    try:
        require("click")
        from midstream._cli.app import app  # noqa: PLC0415 - click is in the extra

        app(prog_name="midstream")
    except MissingPackagesError as missing:
        sys.stderr.write(f"midstream: {missing}\n")
        sys.exit(2)
