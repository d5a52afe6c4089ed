"""Lines on stderr for `MIDSTREAM_LOG=on`: one at the start, and one per failed call."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from midstream._guard import attempt
from midstream._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes import Failure


def write_start(provided: Mapping[str, bool]) -> None:
    """Writes that this process observes calls, and whether what it records has a provider. Never raises."""
    line = f"midstream {__version__}: observing calls of the Anthropic SDK in process {os.getpid()}"
    for words, wanted in (("with a provider", True), ("without a provider so far", False)):
        if names := [name for name, is_provided in provided.items() if is_provided is wanted]:
            line += f"; {words}: {', '.join(names)}"
    _write(line)


def write_failure(failure: Failure, request_id: str | None) -> None:
    """Writes the line of a failed call. `request_id`: of its last response, which an error event may replace."""
    line = str(failure)
    identity = failure.request_id or request_id
    _write(f"midstream: {line}" if identity is None or identity in line else f"midstream: {line} (request {identity})")


def _write(line: str) -> None:
    # The application's stderr, which may be closed, replaced or `None`. One write: threads do not mix their lines.
    attempt(lambda: sys.stderr.write(f"{_encodable(line)}\n"))


def _encodable(line: str) -> str:
    # The interpreter's stderr escapes what it cannot encode. One that replaces it may raise, and lose the line.
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
