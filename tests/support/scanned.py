"""Whatever bytes a body has: a scan hands them to a watch, as in a call, and the watch's verdict is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream._outcomes import StreamWatch, classify
from midstream._outcomes.frames import FrameScan
from midstream._outcomes.scan import ByteScan, DocumentScan, EventScan, Unpacked
from support.ends import assert_allowed
from support.hostile import assert_harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from midstream._outcomes import Failure, Verdict
    from midstream._outcomes.kinds import StreamKind
    from midstream._outcomes.scan import Scan

__all__ = ("ENCODINGS", "SCANS", "assert_scanned")


class _Listening:
    """Hands to a watch what a scan finds, as a call does."""

    def __init__(self, kind: StreamKind) -> None:
        self._watch = StreamWatch(kind=kind)
        self._watch.open()
        self.verdicts: list[Verdict | None] = []

    def on_event(self, event: object) -> None:
        self._watch.event(event)

    def on_hidden_failure(self, failure: Failure) -> None:
        assert_harmless(failure)
        self._watch.found(failure)

    def on_end(self) -> None:
        self.verdicts.append(self._watch.read())

    def on_document(self, document: object) -> None:
        classify(document)
        self.verdicts.append(self._watch.answered(document))


SCANS: Final[Mapping[str, Callable[[_Listening, StreamKind, bool], Scan]]] = {
    "events": lambda heard, kind, _raises: EventScan(heard, kind),
    "frames": lambda heard, _kind, _raises: FrameScan(heard),
    "a document": lambda heard, _kind, raises: DocumentScan(heard, "application/json", raises=raises),
    "bytes": lambda heard, _kind, _raises: ByteScan(heard),
}
"""By what a body is taken for, what scans it. The last argument is whether the application decodes it."""

ENCODINGS: Final = ("", "gzip", "deflate")
"""The content encodings that are undone, and none."""


def assert_scanned(pieces: Iterable[bytes], scanned_as: str, kind: StreamKind, encoding: str, *, raises: bool) -> None:
    """Scans a body to its end: nothing is raised, and there is one verdict, an allowed one."""
    heard = _Listening(kind)
    scan = SCANS[scanned_as](heard, kind, raises)
    if encoding:
        scan = Unpacked(scan, heard, encoding, "httpx.DecodingError", raises=raises)
    for piece in pieces:
        scan.feed(piece)
    scan.end()
    (verdict,) = heard.verdicts
    assert verdict is not None
    assert_allowed(verdict)
