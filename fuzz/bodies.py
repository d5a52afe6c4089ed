"""Whatever bytes a body has, in pieces of any size: a scan reads them without an exception, to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream.outcomes import StreamWatch, classify
from midstream.outcomes.frames import FrameScan
from midstream.outcomes.kinds import COMPLETIONS, MESSAGES, UNMARKED
from midstream.outcomes.scan import ByteScan, DocumentScan, EventScan, Unpacked
from support.ends import assert_allowed
from support.fuzzed import Source, fuzz
from support.hostile import assert_harmless

if TYPE_CHECKING:
    from midstream.outcomes import Failure, Verdict
    from midstream.outcomes.kinds import StreamKind

_LONGEST_PIECE: Final = 64


class Listening:
    """Hands to a watch what a scan finds, as a call does."""

    def __init__(self, kind: StreamKind) -> None:
        self._watch = StreamWatch(kind=kind)
        self._watch.open()
        self.verdicts: list[Verdict | None] = []

    def look(self, event: object) -> None:
        """An event."""
        self._watch.event(event)

    def found(self, failure: Failure) -> None:
        """A failure that nobody raises."""
        assert_harmless(failure)
        self._watch.found(failure)

    def read(self) -> None:
        """The end of the events."""
        self.verdicts.append(self._watch.read())

    def answered(self, document: object) -> None:
        """The one document."""
        classify(document)
        self.verdicts.append(self._watch.answered(document))


def one_input(data: bytes) -> None:
    """Scans one body."""
    source = Source(data)
    kind = source.choice((MESSAGES, COMPLETIONS, UNMARKED))
    heard = Listening(kind)
    scans = (
        lambda: EventScan(heard, kind),
        lambda: FrameScan(heard),
        lambda: DocumentScan(heard, raises=bool(source.number(1))),
        lambda: ByteScan(heard),
    )
    scan = source.choice(scans)()
    if source.number(3) == 0:
        scan = Unpacked(
            scan, heard, source.choice(("gzip", "deflate")), "httpx.DecodingError", raises=bool(source.number(1))
        )
    size = 1 + source.number(_LONGEST_PIECE)
    body = source.rest()
    for start in range(0, len(body), size):
        scan.feed(body[start : start + size])
    scan.end()
    (verdict,) = heard.verdicts
    if verdict is None:
        message = "the first end gave no verdict"
        raise AssertionError(message)
    assert_allowed(verdict)


if __name__ == "__main__":
    fuzz(one_input)
