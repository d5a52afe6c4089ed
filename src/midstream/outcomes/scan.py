"""What the bytes of a body say to those who read them undecoded: its end event, its error event, its answer.

An `error` event or a missing `message_stop` raises nothing in an application that reads bytes or lines. A scan finds
them without decoding everything: of the events it looks at the names, and at the data of the few that say something.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from midstream.outcomes.classify import classify
from midstream.outcomes.values import from_json
from midstream.outcomes.vocabulary import Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.outcomes.kinds import StreamKind

__all__ = ("ByteScan", "DocumentScan", "EventScan", "Listener", "Scan", "Unpacked", "can_unpack")

_LONGEST_DATA: Final = 2**20
"""The bytes of an event's data, or of a line, that are kept at most."""

_LONGEST_DOCUMENT: Final = 2**23
"""The bytes of a document that are kept at most. A longer one is not looked at."""

_MOST_UNPACKED: Final = 2**18
"""The bytes that are unpacked at once: a thousand times as many can be packed into what arrives."""

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
        """The one document that the body was. `None` if it was too long to be kept."""


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
        self._told_by_data = {"error", "message_start", "message_delta", kind.answer}
        self._rest = bytearray()  # grows in place, for a line can come byte by byte
        self._skipping = False
        self._after_return = False
        self._name = ""
        self._data: list[bytes] = []
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        for line in data.splitlines(keepends=True):
            if line.endswith((b"\n", b"\r")):
                self._line_ended(line)
            elif not self._skipping:
                self._keep(line)

    def end(self) -> None:
        """There are no more. An event whose empty line is missing is none."""
        self._listener.read()

    def _keep(self, part: bytes) -> None:
        self._rest += part
        # Of a line that says nothing, such as a long piece of content, nothing is kept while it arrives.
        if len(self._rest) > _LONGEST_DATA or (self._rest.startswith(b"data:") and not self._wants_data):
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
        elif line.startswith(b"data:") and self._wants_data and self._kept + len(line) <= _LONGEST_DATA:
            self._data.append(line[5:])
            self._kept += len(line)

    def _event_ended(self) -> None:
        name, data = self._name, b"\n".join(self._data)
        self._name, self._data, self._kept = "", [], 0
        if name in _SAYS_NOTHING:
            return
        fields: Mapping[str, Any] = from_json(data) if name in self._told_by_data else {}
        if name == "error":
            self._listener.found(classify(fields))
        else:
            self._listener.look({**fields, "type": name})

    @property
    def _wants_data(self) -> bool:
        # Data can come before the name of its event.
        return not self._name or self._name in self._told_by_data


class DocumentScan:
    """Keeps one JSON document, up to a length, and decodes it at its end.

    `raises` says whether the application is given what decoding it raises, or reads the bytes as they are.
    """

    def __init__(self, listener: Listener, *, raises: bool) -> None:
        self._listener = listener
        self._raises = raises
        self._parts: list[bytes] = []
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        self._kept += len(data)
        if self._kept <= _LONGEST_DOCUMENT:
            self._parts.append(data)
        else:
            self._parts.clear()

    def end(self) -> None:
        """There are no more: the document is whole, or can never be."""
        document: object = None
        if self._kept <= _LONGEST_DOCUMENT:
            try:
                document = json.loads(b"".join(self._parts))
            except (ValueError, RecursionError) as error:
                self._listener.found(_as_seen(classify(error), raised=self._raises))
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
    """Undoes the content encoding of a body for another scan.

    `error_type` is the class of the exception that the HTTP client raises where that fails; `raises` says whether
    the application is given it, or reads the bytes as they are.
    """

    def __init__(self, scan: Scan, listener: Listener, error_type: str, *, raises: bool) -> None:
        self._scan = scan
        self._listener = listener
        self._failure = _as_seen(
            Failure(Outcome.MALFORMED, error_type, leaked=True, retryable=True, exception_type=error_type),
            raised=raises,
        )
        self._inflater = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        try:
            while data:
                unpacked = self._inflater.decompress(data, _MOST_UNPACKED)
                data = self._inflater.unconsumed_tail
                self._scan.feed(unpacked)
        except zlib.error:
            self._listener.found(self._failure)

    def end(self) -> None:
        """There are no more."""
        with suppress(zlib.error):
            self._scan.feed(self._inflater.flush())
        self._scan.end()


def can_unpack(encoding: str) -> bool:
    """Whether `Unpacked` can undo this content encoding; brotli and zstd would need more than the standard library."""
    return encoding in {"gzip", "deflate"}


def _as_seen(failure: Failure, *, raised: bool) -> Failure:
    return failure if raised else replace(failure, leaked=False, exception_type=None)
