"""The last bytes of a stream that ended without its end event, and what they say about the reason."""

from __future__ import annotations

import zlib
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from midstream._outcomes.api_errors import says_error
from midstream._outcomes.classify import in_band_error
from midstream._outcomes.failure import TRUNCATED_TYPE, Failure
from midstream._outcomes.unexpected import EVENTS, FRAMES, unexpected_body, unexpected_media_type
from midstream._outcomes.values import UNDECODED, as_text, item, json_value
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from midstream._outcomes.kinds import StreamKind


_MAX_CHUNKS: Final = 16
"""The last chunks of a body that are kept. An error event comes in few chunks, whatever follows it."""

_LARGE: Final = 2**12
"""No chunk before one with more bytes is kept: HTTP clients return at most 64 KiB at a time."""

_SMALL: Final = 2**5
"""Chunks with fewer bytes are joined: a body can come byte by byte."""

_MAX_UNPACKED: Final = 2**16

WINDOWS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"gzip": (16 + zlib.MAX_WBITS,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
)
"""By content encoding, the formats that are tried, as `zlib` numbers them. HTTP clients accept bare deflate, too."""

_FIELDS: Final = (b":", b"data", b"event", b"id", b"retry")
"""How the lines of server-sent events begin."""

TRUNCATED: Final = Failure(Outcome.TRUNCATED, TRUNCATED_TYPE, retryable=True)
"""The stream ended before its end event, and nothing in it says why."""

_NO_NAMES: Final = "no named events"
_WITHOUT_NAMES: Final = Failure(Outcome.TRUNCATED, TRUNCATED_TYPE, message=_NO_NAMES)
"""The API's events, without the names by which the SDK knows them. A gateway drops the names, and does so again on a
retry."""


class _Event(NamedTuple):
    name: str
    data: bytes
    other: bytes
    """Its lines that are not part of an event."""
    ended: bool
    """Whether its blank line arrived."""


class Remains:
    """What is known about a body that ended without its end event."""

    def __init__(self, media_type: str, data: bytes | None, is_whole: bool) -> None:  # noqa: FBT001 - a field
        self.media_type: Final = media_type
        """Lower case, without parameters. Empty if the server did not say."""
        self.data: Final = data
        """Its last bytes, with the content encoding undone. `None` if they are unknown."""
        self.is_whole: Final = is_whole
        """Whether `data` is the whole body."""

    @classmethod
    def of(cls, media_type: str, encodings: Sequence[str], kept: bytes, received: int) -> Remains:
        """The remains of a body of `received` bytes, the last of which were `kept`, still encoded.

        `encodings` are in the order in which they were applied.
        """
        is_whole = len(kept) == received
        data: bytes | None = kept if is_whole or not encodings else None
        for encoding in reversed(encodings):
            data = None if data is None else _unpacked(data, encoding)
        return cls(media_type, data, is_whole)

    @cached_property
    def events(self) -> Sequence[_Event]:
        """The server-sent events in the remains, the last of which may not have ended."""
        events: list[_Event] = []
        name, lines, other = "", list[bytes](), list[bytes]()
        skipping = not self.is_whole  # up to the first blank line: the event before it may lack its beginning
        for line in (self.data or b"").splitlines():
            if not line:
                if not skipping:
                    events.append(_Event(name, b"\n".join(lines), b"\n".join(other), ended=True))
                skipping, name, lines, other = False, "", [], []
            elif line.startswith(b"event:"):
                name = line[6:].strip().decode("utf-8", "replace")
            elif line.startswith(b"data:"):
                lines.append(line[5:].strip())
            elif not line.startswith(_FIELDS):
                other.append(line)
        if (name or lines or other) and not skipping:
            events.append(_Event(name, b"\n".join(lines), b"\n".join(other), ended=False))
        return events


def keep(kept: list[bytes], chunk: bytes) -> None:
    """Adds `chunk` to the last chunks of a body. Only very small chunks are copied."""
    size = len(chunk)
    if size > _LARGE:
        kept.clear()
    elif kept and size < _SMALL and len(kept[-1]) < _SMALL:
        kept[-1] += chunk
        return
    kept.append(chunk)
    if len(kept) > _MAX_CHUNKS:
        del kept[: _MAX_CHUNKS // 2]


def ends_in(remains: Remains, kind: StreamKind) -> bool:
    """Whether the end event arrived, with or without data, or its blank line. The SDK may drop such an event."""
    return kind.end is not None and any(event.name == kind.end and _is_whole(event) for event in remains.events)


def _is_whole(event: _Event) -> bool:
    return event.ended or (bool(event.data) and json_value(event.data) is not UNDECODED)


def last_event_in(remains: Remains) -> tuple[str, bytes] | None:
    """The name and the data of the last event, if all of it but its blank line arrived. The SDK drops such an event."""
    last = remains.events[-1] if remains.events else None
    return None if last is None or last.ended or not last.name or not last.data else (last.name, last.data)


def error_in(remains: Remains, kind: StreamKind) -> Failure | None:
    """The error that a body carries where the SDK does not look for one. `None` if there is none.

    In an event with another name or none, alongside the events, or in place of them.
    """
    if remains.media_type == FRAMES:
        return None
    found = (json_value(data) for event in remains.events for data in (event.data, event.other) if data)
    document = json_value(remains.data) if remains.is_whole and remains.data else UNDECODED
    error = next((data for data in (*found, document) if _is_error(data, kind)), None)
    return None if error is None else in_band_error(error)


def _is_error(data: object, kind: StreamKind) -> bool:
    # Errors of a session's turn are handled as events.
    return says_error(data) and as_text(item(data, "type")) not in kind.turns


def cause_of_end(remains: Remains, kind: StreamKind, *, known_events: bool) -> Failure | None:
    """Why a stream of events ended without its end event, if its bytes say so. `None` if they do not.

    `known_events` says whether an event of the API was decoded.
    """
    error = error_in(remains, kind)
    if error is not None or known_events or remains.media_type == FRAMES:
        return error
    return _instead_of_events(remains, kind)


def not_events(remains: Remains | None, kind: StreamKind) -> Failure | None:
    """What arrived instead of events, if the server does not call it events, and a decoder raised over it."""
    return None if remains is None or remains.media_type in EVENTS else cause_of_end(remains, kind, known_events=False)


def _instead_of_events(remains: Remains, kind: StreamKind) -> Failure | None:
    if remains.media_type not in EVENTS:
        return unexpected_media_type(remains.media_type, "events")
    unnamed = [json_value(event.data) for event in remains.events if not event.name and event.data]
    if unnamed:
        of_the_api = kind.has_end_event and any(as_text(item(data, "type")) for data in unnamed)
        return _WITHOUT_NAMES if of_the_api else unexpected_body(_NO_NAMES)
    if any(event.name and event.name != "ping" for event in remains.events):
        return unexpected_body("events of another API")
    lines = (remains.data or b"").strip().splitlines() if remains.is_whole else ()
    return unexpected_body("no events") if any(line and not line.startswith(_FIELDS) for line in lines) else None


def _unpacked(data: bytes, encoding: str) -> bytes | None:
    """The first bytes of `data` with the content `encoding` undone. `None` if it cannot be undone."""
    attempts = (_inflated(data, window) for window in WINDOWS.get(encoding, ()))
    return next((unpacked for unpacked in attempts if unpacked is not None), None)


def _inflated(data: bytes, window: int) -> bytes | None:
    try:
        return zlib.decompressobj(wbits=window).decompress(data, _MAX_UNPACKED)
    except zlib.error:
        return None
