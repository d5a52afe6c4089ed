"""Scans the bytes of a body that the application reads undecoded, for its end event, its error and its answer.

An `error` event or a missing `message_stop` raises nothing in an application that reads bytes or lines. A scan finds
them without decoding everything: it reads the names of the events, and the data of the few that matter.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from midstream._outcomes.api_errors import error_data
from midstream._outcomes.classify import in_band_error
from midstream._outcomes.failure import Failure
from midstream._outcomes.remains import WINDOWS
from midstream._outcomes.unexpected import not_json
from midstream._outcomes.values import UNSEEN, from_json
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream._outcomes.kinds import StreamKind


_MAX_DATA_LENGTH: Final = 2**20
"""The bytes of an event's data, or of a line, that are kept at most."""

_MAX_DOCUMENT_LENGTH: Final = 2**23
"""The bytes of a document that are kept at most. A longer one is not inspected."""

_PACKED_PIECE: Final = 2**8
"""The bytes that are decompressed at a time: they can become a thousand times as many."""

_IGNORED: Final = frozenset({"", "ping"})
"""The names of events that carry no information."""


class ScanSink(Protocol):
    """Receives what a scan finds."""

    def on_event(self, event: object) -> None:
        """An event: a mapping with its `type`, and with its data if that matters. `UNSEEN` for content."""

    def on_hidden_failure(self, failure: Failure) -> None:
        """A failure that raises nothing in the application."""

    def on_end(self) -> object:
        """The events have ended."""

    def on_document(self, document: object) -> None:
        """The body was one document. `UNSEEN` if it cannot be inspected."""


class Scan(Protocol):
    """A scan of one body."""

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""

    def end(self) -> None:
        """The body has ended by its framing."""


class EventScan:
    """Scans server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), in constant memory."""

    def __init__(self, sink: ScanSink, kind: StreamKind) -> None:
        self._sink = sink
        self._kind = kind
        self._with_data = {"error", "message_start", "message_delta", *kind.events_with_data}
        self._frequent = {*kind.phases, *kind.idle} - self._with_data
        self._rest = bytearray()  # grows in place, so that a line in many pieces costs no more than in one
        self._skipping = False
        self._after_return = False
        self._name = ""
        self._matters = True
        self._data: list[bytes] = []
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if not data:
            return
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        for line in data.splitlines(keepends=True):
            if line.endswith((b"\n", b"\r")):
                self._line_ended(line)
            elif not self._skipping:
                self._keep(line)

    def end(self) -> None:
        """The body has ended."""
        self._sink.on_end()

    def _keep(self, part: bytes) -> None:
        self._rest += part
        # A line that does not matter, such as a long piece of content, is not kept while it arrives.
        if len(self._rest) > _MAX_DATA_LENGTH or (self._rest.startswith(b"data:") and not self._matters):
            self._rest.clear()
            self._skipping = True

    def _line_ended(self, end: bytes) -> None:
        skipped, line = self._skipping, (bytes(self._rest) + end).rstrip(b"\r\n")
        self._skipping = False
        self._rest.clear()
        if skipped:
            return
        if not line:
            self._event_ended()
        elif line.startswith(b"event:"):
            self._name = name = line[6:].strip().decode("utf-8", "replace")
            self._matters = name not in self._frequent and (name in self._with_data or not self._kind.knows(name))
        elif line.startswith(b"data:") and self._matters and self._kept + len(line) <= _MAX_DATA_LENGTH:
            self._data.append(line[5:])
            self._kept += len(line)

    def _event_ended(self) -> None:
        name, data, matters = self._name, b"\n".join(self._data), self._matters
        self._name, self._data, self._kept, self._matters = "", [], 0, True  # data can come before the name
        if name == "error":
            self._sink.on_hidden_failure(in_band_error(error_data(data)))
        elif name not in _IGNORED:
            self._sink.on_event(self._kind.named(name, from_json(data)) if matters else {"type": name})


class DocumentScan:
    """Keeps one JSON document, up to a length, and decodes it at its end.

    `media_type` is what the response calls its body. `raises` says whether the application gets what decoding it
    raises, or reads the bytes as they are.
    """

    def __init__(self, sink: ScanSink, media_type: str, *, raises: bool) -> None:
        self._sink = sink
        self._media_type = media_type
        self._raises = raises
        self._kept = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        self._too_long = self._too_long or len(self._kept) + len(data) > _MAX_DOCUMENT_LENGTH
        if self._too_long:
            self._kept.clear()
        else:
            self._kept += data

    def end(self) -> None:
        """The body has ended: the document is whole, or never will be."""
        document: object = UNSEEN
        try:
            document = UNSEEN if self._too_long else json.loads(self._kept)
        except (ValueError, RecursionError) as error:
            # A document that is nested too deeply for us can be right for a caller that reads its bytes.
            if self._raises or isinstance(error, ValueError):
                failure = not_json(self._media_type, error, is_empty=not self._kept)
                self._sink.on_hidden_failure(_as_seen(failure, raised=self._raises))
        self._sink.on_document(document)


class ByteScan:
    """Notices that content of an opaque body has arrived: lines, or a file."""

    def __init__(self, sink: ScanSink) -> None:
        self._sink = sink
        self._begun = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if data and not self._begun:
            self._begun = True
            self._sink.on_event(UNSEEN)

    def end(self) -> None:
        """The body has ended."""
        self._sink.on_end()


class Unpacked:
    """Undoes the content `encoding` of a body for another scan, a little at a time: a little can become very much.

    `error_type` is the class of the exception that the HTTP client raises where that fails; `raises` says whether
    the application gets it, or reads the bytes as they are.
    """

    def __init__(self, scan: Scan, sink: ScanSink, encoding: str, error_type: str, *, raises: bool) -> None:
        self._scan = scan
        self._sink = sink
        self._failure = _as_seen(
            Failure(Outcome.MALFORMED, error_type, leaked=True, retryable=True, exception_type=error_type),
            raised=raises,
        )
        first, *others = WINDOWS[encoding]
        self._inflater = zlib.decompressobj(wbits=first)
        self._others = others
        self._over = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        try:
            for start in range(0, len(data), _PACKED_PIECE):
                if self._over:
                    break
                self._scan.feed(self._unpacked(data[start : start + _PACKED_PIECE]))
                # Bytes after the end are not part of the body, and the inflater would keep them.
                self._over = self._inflater.eof
        except zlib.error:
            self._over = True
            self._sink.on_hidden_failure(self._failure)

    def end(self) -> None:
        """The body has ended."""
        self._scan.end()

    def _unpacked(self, piece: bytes) -> bytes:
        others, self._others = self._others, []
        try:
            return self._inflater.decompress(piece)
        except zlib.error:
            if not others:
                raise
            self._inflater = zlib.decompressobj(wbits=others[0])
            return self._inflater.decompress(piece)


def can_unpack(encodings: Iterable[str]) -> bool:
    """Whether `Unpacked` can undo these encodings; brotli and zstd would need more than the standard library."""
    return all(encoding in WINDOWS for encoding in encodings)


def _as_seen(failure: Failure, *, raised: bool) -> Failure:
    return failure if raised else replace(failure, leaked=False, exception_type=None)
