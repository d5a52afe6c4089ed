"""What the bytes of a body say to those who read them undecoded: its end event, its error event, its answer.

An `error` event or a missing `message_stop` raises nothing in an application that reads bytes or lines. A scan finds
them without decoding everything: of the events it looks at the names, and at the data of the few that say something.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from midstream._outcomes.answers import WINDOWS, not_json
from midstream._outcomes.api_errors import error_data
from midstream._outcomes.classify import in_band_error
from midstream._outcomes.failure import Failure
from midstream._outcomes.kinds import named
from midstream._outcomes.values import UNSEEN, from_json
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes.kinds import StreamKind


_MAX_DATA_LENGTH: Final = 2**20
"""The bytes of an event's data, or of a line, that are kept at most."""

_MAX_DOCUMENT_LENGTH: Final = 2**23
"""The bytes of a document that are kept at most. A longer one is not looked at."""

_PACKED_PIECE: Final = 2**8
"""The bytes that are unpacked at a time: they can become a thousand times as many."""

_SAYS_NOTHING: Final = frozenset({"", "ping"})


class Listener(Protocol):
    """Who is told what a scan finds."""

    def look(self, event: object) -> None:
        """An event: a mapping with its `type`, and with its data if that says something."""

    def found(self, failure: Failure) -> None:
        """A failure that nobody raises."""

    def read(self) -> None:
        """The events have come to their end."""

    def answered(self, document: object) -> None:
        """The one document that the body was. `UNSEEN` if it cannot be looked at."""


class Scan(Protocol):
    """A scan of one body."""

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""

    def end(self) -> None:
        """There are no more: the body ended by its framing."""


class EventScan:
    """Scans server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), in constant memory."""

    def __init__(self, listener: Listener, kind: StreamKind) -> None:
        self._listener = listener
        self._told_by_data = {"error", "message_start", "message_delta", *kind.told_by_data}
        self._rest = bytearray()  # grows in place, so that a line in many pieces costs no more than in one
        self._skipping = False
        self._after_return = False
        self._name = ""
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
        """There are no more."""
        self._listener.read()

    def _keep(self, part: bytes) -> None:
        self._rest += part
        # Of a line that says nothing, such as a long piece of content, nothing is kept while it arrives.
        if len(self._rest) > _MAX_DATA_LENGTH or (self._rest.startswith(b"data:") and not self._wants_data):
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
            self._name = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"data:") and self._wants_data and self._kept + len(line) <= _MAX_DATA_LENGTH:
            self._data.append(line[5:])
            self._kept += len(line)

    def _event_ended(self) -> None:
        name, data = self._name, b"\n".join(self._data)
        self._name, self._data, self._kept = "", [], 0
        if name in _SAYS_NOTHING:
            return
        if name == "error":
            self._listener.found(in_band_error(error_data(data)))
            return
        fields: Mapping[str, Any] = from_json(data) if name in self._told_by_data else {}
        self._listener.look(named(name, fields))

    @property
    def _wants_data(self) -> bool:
        # Data can come before the name of its event.
        return not self._name or self._name in self._told_by_data


class DocumentScan:
    """Keeps one JSON document, up to a length, and decodes it at its end.

    `media_type` is what the response calls its body. `raises` says whether the application is given what decoding it
    raises, or reads the bytes as they are.
    """

    def __init__(self, listener: Listener, media_type: str, *, raises: bool) -> None:
        self._listener = listener
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
        """There are no more: the document is whole, or can never be."""
        document: object = UNSEEN
        try:
            document = UNSEEN if self._too_long else json.loads(self._kept)
        except (ValueError, RecursionError) as error:
            # A document that is too deep to be looked at is no worse for a caller that reads its bytes.
            if self._raises or isinstance(error, ValueError):
                self._listener.found(
                    _as_seen(not_json(self._media_type, error, is_empty=not self._kept), raised=self._raises)
                )
        self._listener.answered(document)


class ByteScan:
    """Sees that something has come of a body of which nothing else is to be known: lines, or a file."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._begun = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if data and not self._begun:
            self._begun = True
            self._listener.look({})

    def end(self) -> None:
        """There are no more."""
        self._listener.read()


class Unpacked:
    """Undoes the content `encoding` of a body for another scan, a little at a time: a little can become very much.

    `error_type` is the class of the exception that the HTTP client raises where that fails; `raises` says whether
    the application is given it, or reads the bytes as they are.
    """

    def __init__(self, scan: Scan, listener: Listener, encoding: str, error_type: str, *, raises: bool) -> None:
        self._scan = scan
        self._listener = listener
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
                # What follows the end is no part of the body, and the inflater would keep it.
                self._over = self._inflater.eof
        except zlib.error:
            self._over = True
            self._listener.found(self._failure)

    def end(self) -> None:
        """There are no more."""
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


def can_unpack(encoding: str) -> bool:
    """Whether `Unpacked` can undo this content encoding; brotli and zstd would need more than the standard library."""
    return encoding in WINDOWS


def _as_seen(failure: Failure, *, raised: bool) -> Failure:
    return failure if raised else replace(failure, leaked=False, exception_type=None)
