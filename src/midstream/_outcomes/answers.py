"""What arrived instead of an answer: a document, or the end of a stream, that is not what was requested."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from midstream._outcomes.api_errors import item, says_error
from midstream._outcomes.classify import classify, in_band_error
from midstream._outcomes.failure import TRUNCATED_TYPE, UNEXPECTED_BODY, UNEXPECTED_MEDIA_TYPE, Failure
from midstream._outcomes.values import UNDECODED, field, json_value, text
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from midstream._outcomes.kinds import StreamKind


_MAX_CHUNKS: Final = 16
"""The last chunks of a body that are kept. An error event comes in few, whatever comes after it."""

_LARGE: Final = 2**12
"""Before a chunk with more bytes, none is kept: HTTP clients hand out at most 64 KiB at a time."""

_SMALL: Final = 2**5
"""Chunks with fewer bytes are joined: a body can come byte by byte."""

_MAX_UNPACKED: Final = 2**16

WINDOWS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"gzip": (16 + zlib.MAX_WBITS,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
)
"""By content encoding, the formats that are tried, as `zlib` numbers them. HTTP clients take bare deflate, too."""

_FRAMES: Final = "application/vnd.amazon.eventstream"
_EVENTS: Final = frozenset({"", "text/event-stream", _FRAMES})
"""The media types of a stream of events, and of a response that does not name its own."""

_FIELDS: Final = (b":", b"data", b"event", b"id", b"retry")
"""How the lines of server-sent events begin."""

_EMPTY: Final = Failure(Outcome.MALFORMED, UNEXPECTED_BODY, message="an empty body")
"""Nothing arrived where a document was requested."""

TRUNCATED: Final = Failure(Outcome.TRUNCATED, TRUNCATED_TYPE, retryable=True)
"""The stream ended before its end event, and nothing in it says why."""

_NO_NAMES: Final = "no named events"
_WITHOUT_NAMES: Final = Failure(Outcome.TRUNCATED, TRUNCATED_TYPE, message=_NO_NAMES)
"""The events of the API, without the names by which the SDK knows them. A gateway drops them, and a retry meets it."""


def unexpected_media_type(media_type: str, requested: str) -> Failure:
    """Something of `media_type` arrived where `requested`, `JSON` or `events`, was requested."""
    message = f"{text(media_type) or 'no media type'} instead of {requested}"
    return Failure(Outcome.MALFORMED, UNEXPECTED_MEDIA_TYPE, message=message)


def unexpected_by_name(media_type: str, kind: StreamKind, *, events: bool) -> Failure | None:
    """The failure of a body that cannot be looked at, if its media type is not what was requested."""
    if events:
        return None if media_type in _EVENTS else unexpected_media_type(media_type, "events")
    if kind.proof is None or not media_type or is_json(media_type):
        return None
    return unexpected_media_type(media_type, "JSON")


def not_json_by_name(media_type: str, *, is_empty: bool) -> Failure:
    """A body that is not JSON, and whose `media_type` does not claim that it is, arrived where JSON was requested."""
    return _EMPTY if is_empty else unexpected_media_type(media_type, "JSON")


def not_json(media_type: str, error: Exception, *, is_empty: bool) -> Failure:
    """A body that was to be a JSON document could not be decoded, which raised `error`."""
    failure = classify(error)
    if is_json(media_type) and not is_empty:
        return failure
    unexpected = not_json_by_name(media_type, is_empty=is_empty)
    return replace(unexpected, leaked=failure.leaked, exception_type=failure.exception_type)


def is_json(media_type: str) -> bool:
    """Whether the SDK takes a body of this type for JSON, whatever it is."""
    return media_type.endswith("json")


def _unexpected_body(what: str) -> Failure:
    return Failure(Outcome.MALFORMED, UNEXPECTED_BODY, message=what)


def failure_in_document(document: object, kind: StreamKind) -> Failure | None:
    """The failure that `document`, an object or a mapping, is. `None` if it has what every answer of `kind` has."""
    error = _error_document(document)
    proven = kind.proof is None or issubclass(type(field(document, kind.proof)), kind.proof_type)
    # An answer that names its type, and names itself an error, is one all the same.
    if item(error, "type") == "error" or (not proven and says_error(error)):
        return in_band_error(error)
    return None if proven else _unexpected_body(f"a document without {kind.proof}")


def _error_document(document: object) -> object:
    """What `document`, which can be an object of the SDK's, says about an error, as a mapping, or as it is."""
    if type(document) is list:
        return cast("object", document)
    names = ("type", "__type", "object", "error", "message", "Message", "code", "status", "request_id")
    return {name: value for name in names if (value := field(document, name)) is not None}


@dataclass(frozen=True)
class Remains:
    """What is known about a body that came to its end without its end event."""

    media_type: str
    """Lower case, without parameters. Empty if the server did not say."""
    data: bytes | None
    """Its last bytes, with the content encoding undone. `None` if they are not known."""
    is_whole: bool
    """Whether `data` is the whole body."""

    @classmethod
    def of(cls, media_type: str, encoding: str, kept: bytes, received: int) -> Remains:
        """Those of a body of which `received` bytes arrived, and the last of them, still encoded, were `kept`."""
        is_whole = len(kept) == received
        if not encoding:
            return cls(media_type, kept, is_whole)
        return cls(media_type, _unpacked(kept, encoding) if is_whole else None, is_whole)


def keep(kept: list[bytes], chunk: bytes) -> None:
    """Adds a chunk of a body to the last ones that are `kept`. Only very small chunks are copied."""
    size = len(chunk)
    if size > _LARGE:
        kept.clear()
    elif kept and size < _SMALL and len(kept[-1]) < _SMALL:
        kept[-1] += chunk
        return
    kept.append(chunk)
    if len(kept) > _MAX_CHUNKS:
        del kept[: _MAX_CHUNKS // 2]


class _Event(NamedTuple):
    name: str
    data: bytes
    other: bytes
    """Its lines that are none of an event."""
    ended: bool
    """Whether its blank line arrived."""


def ends_in(remains: Remains, kind: StreamKind) -> bool:
    """Whether the end event arrived, with or without data, or its blank line. The SDK may drop such an event."""
    return kind.end is not None and any(event.name == kind.end and _is_whole(event) for event in _events(remains))


def _is_whole(event: _Event) -> bool:
    return event.ended or (bool(event.data) and json_value(event.data) is not UNDECODED)


def last_event_in(remains: Remains) -> tuple[str, bytes] | None:
    """The name and the data of the last event, if all of it but its blank line arrived. The SDK drops such an event."""
    events = _events(remains)
    if not events or events[-1].ended or not events[-1].name or not events[-1].data:
        return None
    return events[-1].name, events[-1].data


def error_in(remains: Remains, kind: StreamKind) -> Failure | None:
    """The error that a body carries where the SDK does not look for one. `None` if there is none.

    In an event with another name or none, beside the events, or in place of them.
    """
    if remains.media_type == _FRAMES:
        return None
    found = (json_value(data) for event in _events(remains) for data in (event.data, event.other) if data)
    document = json_value(remains.data) if remains.is_whole and remains.data else UNDECODED
    error = next((data for data in (*found, document) if _is_error(data, kind)), None)
    return None if error is None else in_band_error(error)


def _is_error(data: object, kind: StreamKind) -> bool:
    # The errors of a session's turn are read as events.
    return says_error(data) and text(item(data, "type")) not in kind.turns


def cause_of_end(remains: Remains, kind: StreamKind, *, known_events: bool) -> Failure | None:
    """Why a stream of events ended without its end event, if its bytes say so. `None` if they do not.

    `known_events` says whether an event that the API sends was decoded.
    """
    error = error_in(remains, kind)
    if error is not None or known_events or remains.media_type == _FRAMES:
        return error
    events = _events(remains)
    unnamed = [json_value(event.data) for event in events if not event.name and event.data]
    return _instead_of_events(remains, events, unnamed, kind)


def _instead_of_events(
    remains: Remains, events: Sequence[_Event], unnamed: Sequence[object], kind: StreamKind
) -> Failure | None:
    data = (remains.data or b"").strip()
    if remains.media_type not in _EVENTS:
        return unexpected_media_type(remains.media_type, "events")
    if unnamed:
        of_the_api = kind.has_end_event and any(text(item(data, "type")) for data in unnamed)
        return _WITHOUT_NAMES if of_the_api else _unexpected_body(_NO_NAMES)
    if any(event.name and event.name != "ping" for event in events):
        return _unexpected_body("events of another API")
    if remains.is_whole and any(not line.startswith(_FIELDS) for line in data.splitlines() if line):
        return _unexpected_body("no events")
    return None


def _events(remains: Remains) -> list[_Event]:
    """The server-sent events in what is known, the last of which may not have ended."""
    data = remains.data or b""
    events: list[_Event] = []
    name, lines, other = "", list[bytes](), list[bytes]()
    skipping = not remains.is_whole  # up to the first blank line: what is before it may lack its beginning
    for line in data.splitlines():
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


def _unpacked(data: bytes, encoding: str) -> bytes | None:
    """The first bytes of `data` with the content `encoding` undone. `None` if it cannot be undone."""
    attempts = (_inflated(data, window) for window in WINDOWS.get(encoding, ()))
    return next((unpacked for unpacked in attempts if unpacked is not None), None)


def _inflated(data: bytes, window: int) -> bytes | None:
    try:
        return zlib.decompressobj(wbits=window).decompress(data, _MAX_UNPACKED)
    except zlib.error:
        return None
