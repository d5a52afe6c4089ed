"""What an application sees of a call, in a form in which two runs can be compared."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import wrapt
from anthropic import _base_client, _streaming
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from support.clients import async_client, client
from support.styles import STYLES, Seen, Style, see, see_async

if TYPE_CHECKING:
    from collections.abc import Generator

    from midstream.faults import FaultServer, Scenario

__all__ = ("FLAVORS", "bare", "numberless", "observable", "run", "spied")

FLAVORS = ("sync", "async")


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
def spied() -> Generator[list[BaseException]]:  # noqa: C901 - four small spies
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

    targets: tuple[tuple[Any, str, Any], ...] = (
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
    return type(event).__qualname__, numberless(repr(event))


def numberless(text: str | None) -> str:
    """`text` without the numbers of requests."""
    return re.sub(r"(req_[a-z_]*)\d+", r"\1N", text or "")


def causes(error: BaseException | None) -> list[BaseException | None]:
    found: list[BaseException | None] = []
    while error is not None:
        found += (error.__cause__, error.__context__)
        error = error.__cause__
    return found


def frames(error: BaseException | None) -> list[str]:
    """The functions of the traceback, without ours and without the patching library's."""
    trace = error.__traceback__ if error else None
    found: list[str] = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if not module.startswith(("midstream._sdk", "wrapt")):
            found.append(f"{module}.{trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    return found
