"""The fault server behind the platforms' paths: it plays the same scenarios, in the platform's spelling."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from midstream._outcomes import Outcome, Phase
from midstream.faults import Expectation, FaultServer, Scenario, parse
from midstream.faults._routes import script_for
from midstream.faults._script import Script, error_script, refusal_script
from midstream.faults._wire import EVENT_STREAM, JSON, LAST_CHUNK, chunk, sse, to_json
from support import aws_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream.faults._http_request import HttpRequest

__all__ = ("BEDROCK_STATUSES", "PlatformServer", "bedrock_scenario")

BEDROCK_STATUSES = {
    "throttlingException": 429,
    "validationException": 400,
    "modelStreamErrorException": 424,
    "internalServerException": 500,
    "modelTimeoutException": 408,
    "serviceUnavailableException": 503,
}
"""By exception type, the HTTP status that Bedrock documents for it."""

_METRICS = {"inputTokenCount": 9000, "outputTokenCount": 9001, "invocationLatency": 9002, "firstByteLatency": 9003}
"""What Bedrock adds to `message_stop`: numbers that must not be taken for the answer's."""

_VERTEX_EVENT = chunk(
    sse("vertex_event", to_json({"type": "vertex_event", "usage": {"input_tokens": 9000, "output_tokens": 9001}}))
)
"""What Vertex adds to a stream: numbers that must not be taken for the answer's either."""

_MESSAGE = "No luck"
_OTHER_STATUS = 529
_ROUTES = (
    re.compile(r"/model/(?P<model>[^/]+)/invoke(?P<streamed>-with-response-stream)?"),
    re.compile(
        r"/v1/projects/project/locations/region/publishers/anthropic/models/"
        r"(?P<model>[^/]+):(?P<streamed>stream)?[rR]awPredict"
    ),
    re.compile(
        r"(?:/anthropic|/v1(?:alpha)?/projects/project/locations/global/workspaces/workspace/invoke)?(?P<path>/v1/.*)"
    ),
)


class PlatformServer(FaultServer):
    """A `FaultServer` that stands for Bedrock, Vertex, Foundry and the gateways of AWS and Google Cloud."""

    def answer(self, request: HttpRequest, number: int) -> Script:
        """The script for request `number`."""
        return _script(request, number)


def _script(request: HttpRequest, number: int) -> Script:
    found = next(filter(None, (route.fullmatch(request.path) for route in _ROUTES)), None)
    if found is None:
        return refusal_script("not_found_error", f"no endpoint: {request.path}", number)
    parts = found.groupdict()
    if "path" in parts:
        return script_for(replace(request, path=parts["path"]), number)
    model, streamed = unquote(parts["model"]), parts["streamed"] is not None
    if request.path.startswith("/model/"):
        return _bedrock_script(request, number, model, streamed=streamed)
    if model == "count-tokens":
        return script_for(replace(request, path="/v1/messages/count_tokens"), number)
    script = script_for(_as_anthropic(request, model, streamed=streamed), number)
    return _with_vertex_events(script) if streamed else script


def _with_vertex_events(script: Script) -> Script:
    """With the events that Vertex adds to a stream: one after the first event and one after the last."""
    if EVENT_STREAM.encode() not in script.head or not script.frames:
        return script
    first, *rest = script.frames
    whole = any(b"message_stop" in frame for frame in rest)
    end = [rest.pop()] if whole else []
    return replace(script, frames=(first, _VERTEX_EVENT, *rest, *([_VERTEX_EVENT] if whole else []), *end))


def _as_anthropic(request: HttpRequest, model: str, *, streamed: bool) -> HttpRequest:
    body: dict[str, Any] = {**json.loads(request.body), "model": model, "stream": streamed}
    return replace(request, path="/v1/messages", body=to_json(body))


def bedrock_scenario(model: str) -> Scenario:
    """What `model` stands for at Bedrock: a scenario of `parse`, or `FAMILY:ARGUMENT@K` of Bedrock's own.

    What the SDK reports for an exception or error frame depends on its version: the expectation does not say.
    """
    family, argument, place = _parts(model)
    if family == "http":
        status = BEDROCK_STATUSES.get(argument, _OTHER_STATUS)
        ends = Expectation(Outcome.HTTP_ERROR, argument, status, status, phase=Phase.REQUEST)
        return replace(parse(model), expectation=ends)
    if family == "trailer":
        return replace(parse("ok"), name=model)
    if family not in _WRONG_FRAMES:
        return parse(model)
    k = int(place or 4)
    ends = replace(_ENDS[family](argument), phase=parse(f"reset@{k}").expectation.phase)
    return replace(parse("ok"), name=model, family=family, expectation=ends, argument=argument, k=k)


def _parts(model: str) -> tuple[str, str, str]:
    before, _, place = model.partition("@")
    family, _, argument = before.partition(":")
    return family, argument, place


def _bedrock_script(request: HttpRequest, number: int, model: str, *, streamed: bool) -> Script:
    scenario = bedrock_scenario(model)
    if scenario.family == "http" or (scenario.family == "retry" and request.resends + 1 < scenario.attempts):
        return _with_bedrocks_headers(_http_error(scenario.argument or "", number))
    family, argument, _ = _parts(model)
    more = _WRONG_FRAMES.get(family, _TRAILERS.get(family))
    played = f"cut@{scenario.k}" if family in _WRONG_FRAMES else "ok" if family in _TRAILERS else model
    script = script_for(_as_anthropic(request, played, streamed=streamed), number)
    if streamed:
        frames = [_reframed(frame, model) for frame in script.frames if frame != LAST_CHUNK]
        if more is not None:
            frames.append(chunk(more(argument)))
        end = [LAST_CHUNK] if LAST_CHUNK in script.frames else []
        script = replace(script, frames=(*filter(None, frames), *end))
    return _with_bedrocks_headers(script)


def _reframed(frame: bytes, model: str) -> bytes:
    """A chunk with an event of Bedrock's for a chunk with a server-sent event; nothing for a ping."""
    event: dict[str, Any] = json.loads(frame.partition(b"\ndata: ")[2].partition(b"\n")[0])
    if event["type"] == "ping":
        return b""
    if event["type"] == "message_start":
        event["message"]["model"] = model
    if event["type"] == "message_stop":
        event["amazon-bedrock-invocationMetrics"] = _METRICS
    return chunk(aws_frames.event_frame(to_json(event)))


def _http_error(kind: str, number: int) -> Script:
    headers = {"x-amzn-errortype": kind, "retry-after-ms": "1"}
    body = to_json({"message": _MESSAGE})
    return error_script(BEDROCK_STATUSES.get(kind, _OTHER_STATUS), JSON, body, number, **headers)


def _with_bedrocks_headers(script: Script) -> Script:
    head = script.head.replace(EVENT_STREAM.encode(), aws_frames.CONTENT_TYPE.encode())
    return replace(script, head=head.replace(b"\r\nrequest-id:", b"\r\nx-amzn-requestid:"))


def _event(event: dict[str, Any]) -> bytes:
    return aws_frames.event_frame(to_json(event))


_PING = _event({"type": "ping"})
_WRONG_FRAMES: Mapping[str, Callable[[str], bytes]] = {
    "exception_frame": lambda kind: aws_frames.exception_frame(kind, _MESSAGE),
    "error_frame": lambda code: aws_frames.error_frame(code, _MESSAGE),
    "error_event": lambda kind: _event({"type": "error", "error": {"type": kind, "message": _MESSAGE}}),
    "bad_checksum": lambda _: aws_frames.with_a_broken_checksum(_PING),
    "half_frame": lambda _: _PING[: len(_PING) // 2],
}
"""By family of Bedrock's own, the frame that comes after K events."""

_TRAILERS: Mapping[str, Callable[[str], bytes]] = {
    "trailer": lambda _: _event({"amazon-bedrock-invocationMetrics": _METRICS}),
}
"""By family, the frame that comes after the whole answer: an event without a type."""

_ENDS: Mapping[str, Callable[[str], Expectation]] = {
    "exception_frame": lambda kind: Expectation(Outcome.IN_BAND_ERROR, kind, BEDROCK_STATUSES.get(kind, 500)),
    "error_frame": lambda code: Expectation(Outcome.IN_BAND_ERROR, code, 500),
    "error_event": lambda kind: Expectation(Outcome.IN_BAND_ERROR, kind, parse(f"http:{kind}").expectation.status_code),
    "bad_checksum": lambda _: Expectation(Outcome.MALFORMED, "botocore.eventstream.ChecksumMismatch", leaked=True),
    "half_frame": lambda _: Expectation(Outcome.TRUNCATED, "stream_truncated"),
}
