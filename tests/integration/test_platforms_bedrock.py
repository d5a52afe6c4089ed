"""Bedrock: frames of an AWS event stream in place of server-sent events, with AWS's errors."""

from __future__ import annotations

import functools
import importlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from anthropic import AsyncStream, Stream
from anthropic.lib.bedrock._stream import AsyncBedrockStream, BedrockStream
from anthropic.types import RawMessageStreamEvent

from integration.wires import HTML, JSON, PAGE, Wire, envelope, wires
from midstream import Outcome, classify
from midstream._sdk.results import response_of, streams
from support.aws_frames import event_frame, exception_frame
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, constructs_odd_events
from support.platform_server import PlatformServer
from support.platforms import (
    BEDROCK,
    as_without_midstream,
    async_client,
    client,
    forget_the_machine,
    run,
    told,
    wanted,
    with_reported,
)
from support.seen import FLAVORS, observable, spied
from support.styles import STYLES, arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from midstream.faults import Expectation, FaultServer, Scenario
    from support.exported import Exported

    Observed = Callable[..., None]

pytest.importorskip(
    "botocore", reason="the SDK signs requests and reads event streams with botocore: anthropic[bedrock]"
)

LOOP = "create(stream=True) in a loop"
STREAMED_STYLES = (
    "create(stream=True) by next()",
    "create(stream=True) in a with block",
    "beta create(stream=True)",
    "stream() events",
    "stream() text_stream",
    "stream() get_final_message",
    "with_raw_response, parsed",
    "with_streaming_response, parsed",
)
SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)

EXCEPTIONS = (
    "exception_frame:throttlingException@0",
    "exception_frame:throttlingException",
    "exception_frame:throttlingException@8",
    "exception_frame:validationException",
    "exception_frame:modelStreamErrorException",
    "exception_frame:internalServerException",
    "exception_frame:modelTimeoutException",
    "exception_frame:serviceUnavailableException",
    "exception_frame:unheardOfException",
    "error_frame:SomeError@0",
    "error_frame:SomeError",
)
CUT = ("cut@0", "cut", "cut@8", "half_frame@0", "half_frame")
BROKEN = ("reset@0", "reset", "stall", "bad_checksum@0", "bad_checksum")
HTTP = ("http:throttlingException", "http:serviceUnavailableException", "http:overloaded_error")
WHOLE = ("ok", "retry:2", pytest.param("trailer", marks=constructs_odd_events))
KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_delta"]
EVENT: Any = RawMessageStreamEvent
BODY = {**arguments("cut"), "stream": True}


@pytest.fixture(scope="module")
def platforms() -> Iterator[FaultServer]:
    with PlatformServer() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_machine(monkeypatch)


def decoded(frame: bytes) -> list[Any]:
    decoder = importlib.import_module("anthropic.lib.bedrock._stream_decoder").AWSEventStreamDecoder()
    return list(decoder.iter_bytes(iter([frame])))


@functools.cache
def raises_api_errors() -> bool:
    """Whether this SDK raises an API error for an exception frame (1.7 and later), and no ValueError."""
    try:
        return bool(decoded(exception_frame("throttlingException", "No luck")))
    except ValueError:
        return False


@functools.cache
def keeps_event_names() -> bool:
    """Whether this SDK knows an error event in a frame as one (0.110 and later)."""
    return bool(decoded(event_frame(b'{"type":"error"}'))[0].event == "error")


def scenario_of(model: str) -> Scenario:
    """The failure that `model` stands for, as this SDK reports it."""
    scenario = BEDROCK.scenario(model)
    if scenario.expectation.outcome is not Outcome.IN_BAND_ERROR:
        return scenario
    typed = scenario if keeps_type(scenario) else replace(scenario, expectation=untyped(scenario.expectation))
    if scenario.family == "error_event":
        return with_reported(typed, 200) if keeps_event_names() else typed
    return with_reported(typed, 200 if raises_api_errors() else None)


def keeps_type(scenario: Scenario) -> bool:
    """Whether the type is in what the SDK raises: an API error has only those that the service's model knows."""
    return scenario.argument != "unheardOfException" or not raises_api_errors()


def untyped(expectation: Expectation) -> Expectation:
    return replace(expectation, error_type="_OTHER")


@pytest.fixture
def observed(platforms: FaultServer, exported: Exported, instrumented: Any) -> Observed:
    """Makes an observed call. The application must see what it sees without midstream."""

    def call(model: str, style: str, flavor: str, spans: str = "own") -> None:
        before = as_without_midstream(BEDROCK.name, style, flavor, platforms, model, spans)
        provider = exported.tracer_provider if spans == "sdk" else None
        with spied() as raised, instrumented():
            seen = run(BEDROCK, STYLES[style], flavor, platforms, model, provider)
        assert observable(seen, raised) == before

    return call


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", [*WHOLE, *EXCEPTIONS, *CUT, *BROKEN, *HTTP])
def test_the_application_notices_nothing_and_the_telemetry_is_complete(
    platforms: FaultServer, exported: Exported, observed: Observed, model: str, flavor: str, spans: str
) -> None:
    observed(model, LOOP, flavor, spans)
    own = spans == "own"
    assert told(exported, own=own) == wanted(BEDROCK, scenario_of(model), STYLES[LOOP], platforms, own=own)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", ["ok", "exception_frame:throttlingException", "cut", "reset"])
@pytest.mark.parametrize("style", STREAMED_STYLES)
def test_every_way_to_read_the_frames_is_recorded_alike(
    platforms: FaultServer, exported: Exported, observed: Observed, style: str, model: str, flavor: str
) -> None:
    observed(model, style, flavor)
    assert told(exported, own=True) == wanted(BEDROCK, scenario_of(model), STYLES[style], platforms, own=True)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", ["ok", "http:throttlingException", "retry:2"])
@pytest.mark.parametrize("style", ["create", "beta create", "raw create"])
def test_an_answer_that_is_not_streamed_is_recorded_too(
    platforms: FaultServer, exported: Exported, observed: Observed, style: str, model: str, flavor: str
) -> None:
    observed(model, style, flavor)
    assert told(exported, own=True) == wanted(BEDROCK, scenario_of(model), STYLES[style], platforms, own=True)


@constructs_odd_events
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", [LOOP, "stream() events"])
@pytest.mark.parametrize("model", ["error_event:rate_limit_error@0", "error_event:overloaded_error"])
def test_an_error_event_of_the_api_in_a_frame_is_recorded_as_one(
    platforms: FaultServer, exported: Exported, observed: Observed, model: str, style: str, flavor: str
) -> None:
    observed(model, style, flavor)
    expected = wanted(BEDROCK, scenario_of(model), STYLES[style], platforms, own=True)
    if not keeps_event_names():
        # Below 0.110 the SDK raises nothing: it is an event like any other, and the last one.
        expected["span"]["midstream.stream.last_event"] = "error"
    assert told(exported, own=True) == expected


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", [*EXCEPTIONS, *BROKEN, *HTTP])
def test_the_exception_alone_classifies_as_the_call_does(platforms: FaultServer, model: str, flavor: str) -> None:
    seen = run(BEDROCK, STYLES[LOOP], flavor, platforms, model)
    expectation = scenario_of(model).expectation
    assert seen.error is not None
    failure = classify(seen.error)
    assert (
        failure.outcome,
        failure.error_type,
        failure.status_code,
        failure.reported_status_code,
        failure.leaked,
        failure.misreported,
        failure.retryable,
    ) == (
        expectation.outcome,
        expectation.error_type_for(HTTP_PACKAGE),
        expectation.status_code,
        expectation.reported_status_code,
        expectation.leaked,
        expectation.misreported,
        expectation.status_code not in {400, 424},
    )


class Mine(Stream[RawMessageStreamEvent]):
    """A class of the application. In SDK 0.x, `isinstance` does not recognize its streams."""


class AsyncMine(AsyncStream[RawMessageStreamEvent]):
    """The same for async."""


def test_a_stream_of_a_subclass_is_recorded_too(platforms: FaultServer, exported: Exported, instrumented: Any) -> None:
    with instrumented(), client(BEDROCK, platforms) as made:
        stream = made.post("/v1/messages", cast_to=EVENT, body=BODY, stream=True, stream_cls=Mine)
        assert type(stream) is Mine
        assert [event.type for event in stream] == KINDS
    assert (exported.outcomes(), exported.span.name) == ({"truncated": 1}, "chat cut")


def test_so_is_an_async_one(platforms: FaultServer, exported: Exported, instrumented: Any) -> None:
    async def call() -> None:
        async with async_client(BEDROCK, platforms) as made:
            stream = await made.post("/v1/messages", cast_to=EVENT, body=BODY, stream=True, stream_cls=AsyncMine)
            assert type(stream) is AsyncMine
            assert [event.type async for event in stream] == KINDS

    with instrumented():
        anyio.run(call)
    assert (exported.outcomes(), exported.span.name) == ({"truncated": 1}, "chat cut")


@pytest.mark.parametrize("kind", [BedrockStream, AsyncBedrockStream])
def test_a_stream_of_the_sdks_own_class_for_bedrock_is_known_as_one(kind: Any) -> None:
    stream = kind.__new__(kind)
    stream.response = object()
    assert (streams(stream), response_of(stream)) == (True, stream.response)


UNDECODED = {
    "ok": ("completed", None, None),
    "cut@8": ("truncated", "stream_truncated", None),
    "half_frame": ("truncated", "stream_truncated", None),
    "exception_frame:throttlingException": ("in_band_error", "throttlingException", 429),
    "error_frame:SomeError": ("in_band_error", "SomeError", 500),
    "bad_checksum": ("malformed", "_OTHER", None),
}
"""By scenario, how a call ends if the application reads the frames as bytes: nothing is raised."""


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("model", UNDECODED)
def test_undecoded_frames_raise_no_exception_and_the_end_is_recorded(
    platforms: FaultServer, exported: Exported, instrumented: Any, model: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    with instrumented(), client(BEDROCK, platforms, spans=provider) as made:
        with made.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
            body = b"".join(response.iter_bytes())
    attributes = exported.span.attributes or {}
    outcome, error_type, status = UNDECODED[model]
    assert attributes["midstream.outcome"] == outcome
    assert attributes["midstream.stream.bytes"] == len(body)
    assert (attributes.get("error.type"), attributes.get("midstream.status_code")) == (error_type, status)
    assert attributes.get("midstream.leaked", False) is False
    assert "midstream.reported.status_code" not in attributes
    assert attributes.get("gen_ai.usage.output_tokens") == (15 if model in {"ok", "cut@8"} else None)


@pytest.mark.parametrize(
    ("wire", "outcome", "error_type", "retryable"),
    [
        (Wire(envelope(), JSON), "in_band_error", "overloaded_error", True),
        (Wire(PAGE, HTML), "malformed", "unexpected_media_type", False),
        (Wire(b'{"message": "expired"}', JSON), "malformed", "unexpected_media_type", False),
    ],
)
def test_what_arrives_instead_of_frames_is_named_though_a_checksum_is_wrong(
    wire: Wire, outcome: str, error_type: str, retryable: bool, exported: Exported, instrumented: Any
) -> None:
    with wires() as server, instrumented(), client(BEDROCK, cast("Any", server)) as made:
        server.wire = wire
        with pytest.raises(Exception, match="Checksum"):
            list(made.messages.create(**arguments("ok"), stream=True))
    found = exported.span.attributes or {}
    assert [found[f"midstream.{name}"] for name in ("outcome", "retryable", "leaked")] == [outcome, retryable, True]
    assert found["error.type"] == error_type


def test_what_bedrock_counts_is_not_taken_for_the_usage(
    platforms: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(BEDROCK, platforms) as made:
        *_, last = made.messages.create(**arguments("ok"), stream=True)
    assert last.to_dict()["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 9001
    points = exported.metrics()["gen_ai.client.token.usage"]
    assert {point.attributes["gen_ai.token.type"]: point.total for point in points} == {"input": 43, "output": 15}


def test_a_stream_that_is_closed_midway_is_abandoned(
    platforms: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(BEDROCK, platforms) as made:
        stream = made.messages.create(**arguments("ok:200"), stream=True)
        next(stream)
        stream.close()
    assert exported.outcomes() == {"abandoned": 1}
    assert exported.logs == []
