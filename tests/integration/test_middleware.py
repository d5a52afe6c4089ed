"""The application's middleware between the SDK and us: the call is recorded once, and right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from opentelemetry import trace

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, async_client, client
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic.Anthropic, "middleware"), reason="this SDK has no middleware (below 0.108)"
)

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
FLAVORS = ("sync", "async")
MODELS = ("ok", "in_band:overloaded_error", "reset", "cut", "http:overloaded_error", "hangup")
OUTCOMES = {
    "ok": "completed",
    "in_band:overloaded_error": "in_band_error",
    "reset": "transport_error",
    "cut": "truncated",
    "http:overloaded_error": "http_error",
    "hangup": "connection_error",
}


class PassesOn:
    """Does nothing."""

    def __init__(self, exported: Exported) -> None:
        self.tracer = exported.tracer_provider.get_tracer("application")

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        return call_next(request)

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        return await call_next(request)


class OpensASpan(PassesOn):
    """Makes a new span the current one."""

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        with self.tracer.start_as_current_span("middleware"):
            return call_next(request)

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        with self.tracer.start_as_current_span("middleware"):
            return await call_next(request)


class Retries(PassesOn):
    """Resends a request that was answered with an error."""

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        response = call_next(request)
        return response if response.status_code == 200 else call_next(_resent(request))

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        response = await call_next(request)
        return response if response.status_code == 200 else await call_next(_resent(request))


def _resent(request: Any) -> Any:
    return request.copy(headers={**request.headers, "x-stainless-retry-count": "1"})


class Answers(PassesOn):
    """Answers without a request."""

    def handle(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        del request, call_next
        usage = anthropic.types.Usage.construct(input_tokens=3)
        return anthropic.types.Message.construct(id="msg_cached", stop_reason="end_turn", usage=usage)

    async def handle_async(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        return self.handle(request, call_next)


def as_function(middleware: PassesOn, flavor: str) -> Any:
    """The middleware as a function, because the SDK's class for it came later."""
    if flavor == "sync":
        return middleware.handle

    async def handle(request: Any, call_next: Callable[[Any], Any]) -> Any:
        return await middleware.handle_async(request, call_next)

    return handle


def run(
    server: FaultServer, exported: Exported, model: str, flavor: str, spans: str, middleware: Any, *, stream: bool
) -> None:
    """One call through `middleware`, its exception swallowed."""
    provider = exported.tracer_provider if spans == "sdk" else None
    function = as_function(middleware, flavor) if isinstance(middleware, PassesOn) else middleware

    async def call() -> None:
        async with async_client(server, parse(model), provider) as made:
            through: Any = made.with_options(middleware=[function], max_retries=0)
            answer = await through.beta.messages.create(**arguments(model), stream=stream)
            if stream:
                async for _ in answer:
                    pass

    try:
        if flavor == "async":
            anyio.run(call)
            return
        with client(server, parse(model), provider) as made:
            through: Any = made.with_options(middleware=[function], max_retries=0)
            answer = through.beta.messages.create(**arguments(model), stream=stream)
            if stream:
                for _ in answer:
                    pass
    except Exception:  # noqa: BLE001, S110 - what it raises is the business of other tests
        pass


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", [PassesOn, OpensASpan])
@pytest.mark.parametrize("model", MODELS)
def test_a_call_through_middleware_is_recorded_once_on_the_span_of_the_call(
    server: FaultServer,
    exported: Exported,
    instrumented: Any,
    model: str,
    kind: type[PassesOn],
    stream: bool,
    flavor: str,
    spans: str,
) -> None:
    with instrumented():
        run(server, exported, model, flavor, spans, kind(exported), stream=stream)
    outcome = OUTCOMES[model] if stream else not_streamed(model)
    assert exported.outcomes() == {outcome: 1}
    span: Any = exported.told_span
    assert (span.attributes["midstream.outcome"], span.name) == (outcome, name_of(spans, model))
    assert len(exported.spans) == (2 if kind is OpensASpan else 1)
    inner: list[Any] = [span for span in exported.spans if span.name == "middleware"]
    assert [one.parent.span_id for one in inner] == [span.context.span_id for _ in inner]


def not_streamed(model: str) -> str:
    return {"in_band:overloaded_error": "http_error", "cut": "malformed"}.get(model, OUTCOMES[model])


def name_of(spans: str, model: str) -> str:
    return "anthropic.messages.create" if spans == "sdk" else f"chat {model}"


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("stream", [True, False])
def test_requests_that_middleware_sends_again_are_resends_of_the_call(
    server: FaultServer, exported: Exported, instrumented: Any, stream: bool, flavor: str, spans: str
) -> None:
    with instrumented():
        run(server, exported, "retry:2", flavor, spans, Retries(exported), stream=stream)
    assert exported.outcomes() == {"completed": 1}
    assert (exported.told_span.attributes or {})["http.request.resend_count"] == 1
    assert [point.value for point in exported.counted("midstream.client.resends")] == [1]


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_answer_of_middleware_is_a_completed_call_without_a_status(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, spans: str
) -> None:
    with instrumented():
        run(server, exported, "ok", flavor, spans, Answers(exported), stream=False)
    assert exported.outcomes() == {"completed": 1}
    span: Any = exported.told_span
    assert span.name == name_of(spans, "ok")
    assert "http.response.status_code" not in span.attributes
    assert span.attributes["gen_ai.usage.input_tokens"] == 3
    assert len(exported.spans) == 1


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", ["ok", "in_band:overloaded_error", "reset", "cut"])
def test_the_sdk_s_own_middleware_that_splices_streams_hides_nothing(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, flavor: str, spans: str
) -> None:
    middleware = pytest.importorskip("anthropic.lib.middleware", reason="this SDK has no middleware")
    spliced = middleware.BetaRefusalFallbackMiddleware([{"model": "ok"}])
    with instrumented():
        run(server, exported, model, flavor, spans, spliced, stream=True)
    assert exported.outcomes() == {OUTCOMES[model]: 1}
    assert len(exported.spans) == 1


@pytest.mark.parametrize("spans", SPANS)
def test_a_stream_that_middleware_reads_itself_is_recorded_by_what_comes_out_of_the_call(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    def reads(request: Any, call_next: Callable[[Any], Any]) -> Any:
        for _ in call_next(request).parse():
            pass

    with instrumented():
        run(server, exported, "in_band:overloaded_error", "sync", spans, reads, stream=True)
    attributes = exported.told_span.attributes or {}
    assert (attributes["midstream.outcome"], attributes["midstream.phase"]) == ("in_band_error", "opening")
    assert trace.get_current_span() is trace.INVALID_SPAN
