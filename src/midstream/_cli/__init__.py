"""The command `midstream`. Importing this module needs the core only; its commands need an extra."""

from __future__ import annotations

import sys

from midstream._cli.console.extras import MissingPackagesError, require

_CANNOT = 2
_INTERRUPTED = 130


def main() -> None:
    """Runs the command line of this process, and exits.

    The exit status is 0 for success, 1 for a failure or a finding, 2 for what could not be done: an invalid option or a
    missing package, and 130 after Ctrl-C, which ends a server with 0.
    """
    try:
        require("click", extra="doctor" if sys.argv[1:2] == ["doctor"] else "cli")
        from midstream._cli.app import run  # noqa: PLC0415 - click is in the extra

        status = run()
    except MissingPackagesError as missing:
        sys.stderr.write(f"midstream: {missing}\n")
        status = _CANNOT
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)
