"""Whatever bytes a body has, in pieces of any size: a scan reads them without an exception, to its end."""

from __future__ import annotations

from typing import Final

from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, SESSIONS, THREADS, UNDELIMITED
from support.fuzzed import Source, fuzz
from support.scanned import ENCODINGS, SCANS, assert_scanned

_MAX_PIECE_LENGTH: Final = 64


def one_input(data: bytes) -> None:
    """Scans one body."""
    source = Source(data)
    kind = source.choice((MESSAGES, COMPLETIONS, SESSIONS, THREADS, UNDELIMITED))
    scanned_as, encoding = source.choice(tuple(SCANS)), source.choice(ENCODINGS)
    raises, size = bool(source.number(1)), 1 + source.number(_MAX_PIECE_LENGTH)
    body = source.rest()
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    assert_scanned(pieces, scanned_as, kind, encoding, raises=raises)


if __name__ == "__main__":
    fuzz(one_input)
