"""Every call style under every fault: the whole telemetry, and what the application sees beside a bare run."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import wrapt
from anthropic import _base_client, _streaming
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, StatusCode
from support import expected
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client
from support.styles import STYLES, Seen, Style, see, see_async

from midstream import AnthropicInstrumentor, classify
from midstream.faults import EXAMPLES, FaultServer, Scenario, parse
from midstream.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from support.exported import Exported

FLAVORS = ("sync", "async")
SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)


def run(style: Style, flavor: str, server: FaultServer, scenario: Scenario, spans: TracerProvider | None) -> Seen:
    """One call, sync or async."""
    if flavor == "sync":
        with client(server, scenario, spans) as made:
            return see(style, made, scenario.name)

    async def call() -> Seen:
        async with async_client(server, scenario, spans) as made:
            return await see_async(style, made, scenario.name)

    return anyio.run(call)


@contextmanager
def spied() -> Iterator[list[BaseException]]:
    """Collects the exceptions that leave the SDK's own code, beneath whatever is patched over it meanwhile."""
    raised: list[BaseException] = []

    def request(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        except BaseException as error:
            raised.append(error)
            raise

    async def async_request(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as error:
            raised.append(error)
            raise

    def stream(wrapped: Any, _stream: Any, args: Any, kwargs: Any) -> Any:
        def events() -> Any:
            try:
                yield from wrapped(*args, **kwargs)
            except Exception as error:
                raised.append(error)
                raise

        return events()

    def async_stream(wrapped: Any, _stream: Any, args: Any, kwargs: Any) -> Any:
        async def events() -> Any:
            try:
                async for event in wrapped(*args, **kwargs):
                    yield event
            except Exception as error:
                raised.append(error)
                raise

        return events()

    targets = (
        (_base_client.SyncAPIClient, "request", request),
        (_base_client.AsyncAPIClient, "request", async_request),
        (_streaming.Stream, "__stream__", stream),
        (_streaming.AsyncStream, "__stream__", async_stream),
    )
    originals = [vars(owner)[name] for owner, name, _ in targets]
    for owner, name, wrapper in targets:
        wrapt.wrap_function_wrapper(owner, name, wrapper)
    try:
        yield raised
    finally:
        for (owner, name, _), original in zip(targets, originals, strict=True):
            setattr(owner, name, original)


@functools.cache
def bare(style: str, flavor: str, server: FaultServer, model: str, spans: str) -> tuple[Any, ...]:
    """What the application sees without us."""
    with spied() as raised:
        seen = run(STYLES[style], flavor, server, parse(model), TracerProvider() if spans == "sdk" else None)
    return observable(seen, raised)


def observable(seen: Seen, raised: list[BaseException]) -> tuple[Any, ...]:
    """All that an application can see of a call, with the numbers that differ from call to call taken out."""
    error = seen.error
    return (
        [plain(event) for event in seen.events],
        type(error),
        numberless(str(error)),
        getattr(error, "status_code", None),
        numberless(repr(getattr(error, "body", None))),
        numberless(str(getattr(error, "request_id", None))),
        [type(cause) for cause in causes(error)],
        error in raised,
        frames(error),
    )


def plain(event: Any) -> tuple[str, str]:
    dump = getattr(event, "model_dump_json", None)
    return type(event).__qualname__, numberless(dump() if dump else str(event))


def numberless(text: str) -> str:
    return re.sub(r"(req_[a-z_]*)\d+", r"\1N", text)


def causes(error: BaseException | None) -> list[BaseException | None]:
    found: list[BaseException | None] = []
    while error is not None:
        found += (error.__cause__, error.__context__)
        error = error.__cause__
    return found


def frames(error: BaseException | None) -> list[str]:
    """The functions of the traceback, without ours and without the patching library's."""
    trace, found = error.__traceback__ if error else None, []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if not module.startswith(("midstream.sdk", "wrapt")):
            found.append(f"{module}.{trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    return found


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("model", EXAMPLES)
def test_the_application_notices_nothing_and_the_telemetry_tells_all(
    server: FaultServer, exported: Exported, model: str, style: str, flavor: str, spans: str
) -> None:
    before = bare(style, flavor, server, model, spans)
    scenario, chosen = parse(model), STYLES[style]
    with spied() as raised:
        AnthropicInstrumentor().instrument(**exported.providers)
        try:
            seen = run(chosen, flavor, server, scenario, exported.tracer_provider if spans == "sdk" else None)
        finally:
            AnthropicInstrumentor().uninstrument()

    assert observable(seen, raised) == before
    check_span(exported.span, scenario, chosen, server, seen, own=spans == "own")
    check_metrics(exported, scenario, chosen, server)
    check_log(exported, scenario, chosen, server, seen)


def check_span(
    span: ReadableSpan, scenario: Scenario, style: Style, server: FaultServer, seen: Seen, *, own: bool
) -> None:
    wanted = expected.attributes(
        scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=own
    )
    found = dict(span.attributes or {})
    if own:
        assert found == wanted
        assert span.name == f"chat {scenario.name}"
        assert span.kind is SpanKind.CLIENT
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == "midstream"
    else:
        assert {name: found.get(name) for name in wanted} == wanted
        assert {name for name in found if name.startswith("midstream.")} == {
            name for name in wanted if name.startswith("midstream.")
        }
        assert span.name == "anthropic.messages.create"
    if expected.ending(scenario, style).outcome is Outcome.COMPLETED:
        assert (span.status.status_code, span.status.description) == (
            StatusCode.UNSET if own else StatusCode.OK,
            None,
        )
        return
    assert span.status.status_code is StatusCode.ERROR
    assert described(span.status.description) == described(description(scenario, style, seen))


def description(scenario: Scenario, style: Style, seen: Seen) -> str:
    """The failure in one line, from its parts."""
    ending = expected.ending(scenario, style)
    if ending.status_code is not None and seen.error is not None:
        return str(classify(seen.error))
    when = {
        "request": "before the response headers",
        "opening": "before any content had arrived",
        "content": "after content had arrived",
        "closing": "after all but the end event had arrived",
    }[ending.phase.value if ending.phase else ""]
    if ending.outcome is Outcome.TRUNCATED:
        return f"stream_truncated: the stream ended before its end event, {when}"
    leaked = "; not an anthropic.APIError" if ending.leaked else ""
    return f"{ending.error_type_for(HTTP_PACKAGE)} {when}{leaked}"


def described(text: str | None) -> str:
    return numberless(text or "")


def check_metrics(exported: Exported, scenario: Scenario, style: Style, server: FaultServer) -> None:
    ending = expected.ending(scenario, style)
    span = expected.attributes(scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=True)
    call = {name: span[name] for name in ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")}
    outcome = {
        **call,
        "gen_ai.request.stream": style.streamed,
        "midstream.outcome": ending.outcome.value,
        "midstream.leaked": ending.leaked,
        "midstream.misreported": ending.misreported,
    }
    gen_ai = {
        **call,
        **{name: span[name] for name in ("gen_ai.response.model", "server.address", "server.port") if name in span},
    }
    error_type = {"error.type": bounded(span["error.type"])} if "error.type" in span else {}
    opened = "midstream.stream.bytes" in span
    wanted: dict[str, list[tuple[dict[str, Any], float]]] = {
        "midstream.client.operations": [(outcome, 1)],
        "gen_ai.client.operation.duration": [({**gen_ai, **error_type}, 1)],
    }
    if ending.outcome.is_failure:
        details = ("midstream.phase", "midstream.status_code", "http.response.status_code")
        detail = {name: span[name] for name in details if name in span}
        wanted["midstream.client.errors"] = [({**outcome, **detail, **error_type}, 1)]
    if opened:
        wanted["midstream.client.stream.longest_wait"] = [({**call, "midstream.outcome": ending.outcome.value}, 1)]
    if "gen_ai.response.time_to_first_chunk" in span:
        wanted["gen_ai.client.operation.time_to_first_chunk"] = [(gen_ai, 1)]
    if scenario.attempts > 1:
        wanted["midstream.client.resends"] = [(call, scenario.attempts - 1)]
    tokens = [(kind, f"gen_ai.usage.{kind}_tokens") for kind in ("input", "output")]
    usage = [({**gen_ai, "gen_ai.token.type": kind}, 1) for kind, name in tokens if name in span]
    if usage:
        wanted["gen_ai.client.token.usage"] = usage
    found = {
        name: [(dict(point.attributes), point.value) for point in points if point.value]
        for name, points in exported.metrics().items()
    }
    assert {name: series for name, series in found.items() if series} == wanted
    assert [point.value for point in exported.metrics().get("midstream.client.stream.active", [])] == (
        [0] if opened else []
    )


def bounded(error_type: str) -> str:
    return "_OTHER" if error_type == "unheard_of_error" else error_type


def check_log(exported: Exported, scenario: Scenario, style: Style, server: FaultServer, seen: Seen) -> None:
    ending = expected.ending(scenario, style)
    if not ending.outcome.is_failure:
        assert exported.logs == []
        return
    (log,) = exported.logs
    record = log.log_record
    wanted = expected.attributes(
        scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=True
    )
    found = dict(record.attributes or {})
    exception = {name: found.pop(name) for name in list(found) if name.startswith("exception.")}
    assert found == wanted
    assert (record.event_name, record.severity_text) == ("gen_ai.client.operation.exception", "WARN")
    assert exported.span.context is not None
    assert (record.trace_id, record.span_id) == (exported.span.context.trace_id, exported.span.context.span_id)
    if ending.outcome is Outcome.TRUNCATED:
        assert exception == {"exception.message": exported.span.status.description}
        return
    assert seen.error is not None
    module = type(seen.error).__module__
    name = type(seen.error).__qualname__
    assert exception == {
        "exception.type": name if module == "builtins" else f"{module}.{name}",
        "exception.message": expected.ANY_TEXT,
        "exception.stacktrace": expected.ANY_TEXT,
    }
