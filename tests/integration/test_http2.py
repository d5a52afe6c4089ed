"""HTTP/2: the same record, stream by stream, and the application notices nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream._outcomes import Outcome, Phase
from midstream.faults import Expectation, parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client, hurry
from support.loops import told
from support.seen import FLAVORS, observable, spied
from support.styles import STYLES, Seen, arguments, see, see_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import anthropic

    from midstream.faults import FaultServer
    from support.exported import Exported
    from support.http2_server import Http2Server

pytest.importorskip("h2", reason="h2, which HTTP/2 needs, is not installed")

http: Any = importlib.import_module(HTTP_PACKAGE)


def leaked(outcome: Outcome, error_type: str, phase: Phase = Phase.CONTENT) -> Expectation:
    return Expectation(outcome, error_type, leaked=True, phase=phase)


COMPLETED = Expectation(Outcome.COMPLETED)
BROKEN = leaked(Outcome.TRANSPORT_ERROR, f"{HTTP_PACKAGE}.RemoteProtocolError")
TRUNCATED = Expectation(Outcome.TRUNCATED, "stream_truncated", phase=Phase.CONTENT)

ENDINGS: dict[str, Expectation] = {
    "whole": COMPLETED,
    "in_band": Expectation(Outcome.IN_BAND_ERROR, "overloaded_error", 529, 200, misreported=True, phase=Phase.CONTENT),
    "truncated": TRUNCATED,
    "reset": BROKEN,
    "goaway": BROKEN,
    "closed": BROKEN,
    "stall": leaked(Outcome.TRANSPORT_ERROR, f"{HTTP_PACKAGE}.ReadTimeout"),
    "garbage": leaked(Outcome.TRANSPORT_ERROR, "h2.exceptions.ProtocolError"),
    "http": Expectation(Outcome.HTTP_ERROR, "overloaded_error", 529, 529, phase=Phase.REQUEST),
}
"""By the server's model name."""

SHOWN = ("create(stream=True) in a loop", "stream() events", "stream() get_final_message")
LOOP = STYLES["create(stream=True) in a loop"]

spans_of_both_kinds = pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
sync_and_async = pytest.mark.parametrize("flavor", FLAVORS)


@pytest.fixture
def http2() -> Iterator[Http2Server]:
    from support.http2_server import Http2Server

    with Http2Server() as running:
        yield running


def bare_and_observed(run: Callable[[TracerProvider | None], Seen], spans: str, instrumented: Any) -> tuple[Any, Any]:
    """What the application sees of `run` without us, and with us."""
    with spied() as raised:
        bare = observable(run(TracerProvider() if spans == "sdk" else None), raised)
    with spied() as raised, instrumented() as exported:
        seen = run(exported.tracer_provider if spans == "sdk" else None)
    return bare, observable(seen, raised)


class Calls:
    """Calls with a client that speaks HTTP/2 to `http2`, sync or async."""

    def __init__(self, server: FaultServer, http2: Http2Server, flavor: str) -> None:
        self._server = server
        self._http2 = http2
        self._flavor = flavor

    def __call__(
        self,
        sync: Callable[[anthropic.Anthropic], Seen],
        asynchronous: Callable[[anthropic.AsyncAnthropic], Awaitable[Seen]],
        spans: TracerProvider | None,
    ) -> Seen:
        """What `sync` or `asynchronous` sees."""
        # Not the SDK's own kind of HTTP client: that of its oldest versions offers HTTP/1.1 as well.
        options: dict[str, Any] = {"http2": True, "http1": False}
        scenario = parse("ok")
        if self._flavor == "sync":
            with client(self._server, scenario, spans) as made, http.Client(**options) as http_client:
                return sync(made.with_options(base_url=self._http2.url, http_client=http_client))

        async def call() -> Seen:
            async with (
                async_client(self._server, scenario, spans) as made,
                http.AsyncClient(**options) as http_client,
            ):
                return await asynchronous(made.with_options(base_url=self._http2.url, http_client=http_client))

        return anyio.run(call)


@pytest.fixture
def calls(server: FaultServer, http2: Http2Server, flavor: str) -> Calls:
    return Calls(server, http2, flavor)


@spans_of_both_kinds
@sync_and_async
@pytest.mark.parametrize("style", SHOWN)
@pytest.mark.parametrize("model", ENDINGS)
def test_the_application_notices_nothing_and_the_telemetry_is_true(
    exported: Exported, instrumented: Any, calls: Calls, model: str, style: str, spans: str
) -> None:
    def run(provider: TracerProvider | None) -> Seen:
        chosen = STYLES[style]

        def with_patience_for_it(made: Any) -> Any:
            if model == "stall":
                hurry(made)
            return made

        return calls(
            lambda made: see(chosen, with_patience_for_it(made), model),
            lambda made: see_async(chosen, with_patience_for_it(made), model),
            provider,
        )

    bare, seen = bare_and_observed(run, spans, instrumented)
    assert seen == bare
    assert told(exported) == [ENDINGS[model]]


def read_beside_a_reset(made: anthropic.Anthropic) -> Seen:
    held = made.messages.create(**arguments("held"), stream=True)
    events: list[Any] = [next(held)]
    seen = see(LOOP, made, "reset")
    return Seen([*events, *seen.events, *held], seen.error)


async def aread_beside_a_reset(made: anthropic.AsyncAnthropic) -> Seen:
    held: Any = await made.messages.create(**arguments("held"), stream=True)
    events: list[Any] = [await held.__anext__()]
    seen = await see_async(LOOP, made, "reset")
    return Seen([*events, *seen.events, *[event async for event in held]], seen.error)


@spans_of_both_kinds
@sync_and_async
def test_of_two_streams_on_one_connection_only_the_one_that_is_reset_fails(
    exported: Exported, instrumented: Any, http2: Http2Server, calls: Calls, spans: str
) -> None:
    bare, seen = bare_and_observed(
        lambda provider: calls(read_beside_a_reset, aread_beside_a_reset, provider), spans, instrumented
    )
    assert seen == bare
    assert told(exported) == [BROKEN, COMPLETED]
    assert http2.connections == 2  # one without us, one with us


def close_midway_and_go_on(made: anthropic.Anthropic) -> Seen:
    held = made.messages.create(**arguments("held"), stream=True)
    first: Any = next(held)
    held.close()
    seen = see(LOOP, made, "whole")
    return Seen([first, *seen.events], seen.error)


async def aclose_midway_and_go_on(made: anthropic.AsyncAnthropic) -> Seen:
    held: Any = await made.messages.create(**arguments("held"), stream=True)
    first = await held.__anext__()
    await held.close()
    seen = await see_async(LOOP, made, "whole")
    return Seen([first, *seen.events], seen.error)


@spans_of_both_kinds
@sync_and_async
def test_after_a_stream_closed_midway_the_next_on_its_connection_completes(
    exported: Exported, instrumented: Any, http2: Http2Server, calls: Calls, spans: str
) -> None:
    bare, seen = bare_and_observed(
        lambda provider: calls(close_midway_and_go_on, aclose_midway_and_go_on, provider), spans, instrumented
    )
    assert seen == bare
    assert told(exported) == [Expectation(Outcome.ABANDONED), COMPLETED]
    assert http2.connections == 2  # one without us, one with us


def be_disowned(made: anthropic.Anthropic) -> Seen:
    whole = see(LOOP, made, "whole")
    seen = see(LOOP, made, "disowned")
    return Seen([*whole.events, *seen.events], seen.error)


async def abe_disowned(made: anthropic.AsyncAnthropic) -> Seen:
    whole = await see_async(LOOP, made, "whole")
    seen = await see_async(LOOP, made, "disowned")
    return Seen([*whole.events, *seen.events], seen.error)


@spans_of_both_kinds
@sync_and_async
def test_a_goaway_that_disowns_an_open_stream_is_a_transport_error(
    exported: Exported, instrumented: Any, calls: Calls, spans: str
) -> None:
    """The HTTP client then raises an exception that it otherwise handles."""
    bare, seen = bare_and_observed(lambda provider: calls(be_disowned, abe_disowned, provider), spans, instrumented)
    assert seen == bare
    core = HTTP_PACKAGE.replace("httpx", "httpcore")
    assert told(exported) == [COMPLETED, leaked(Outcome.TRANSPORT_ERROR, f"{core}.ConnectionNotAvailable")]
