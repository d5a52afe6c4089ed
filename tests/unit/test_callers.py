"""Walks over the stack: right within their limit, and beyond it what the caller assumes."""

from __future__ import annotations

import inspect
import threading
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import pytest

from midstream._sdk import callers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WITHIN = 100
BEYOND = 200
"""Frames above the one that is looked for."""


def on_a_short_stack(work: Callable[[], Any]) -> Any:
    """What `work` returns on a new thread, where the stack of the tests is not beneath."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def deeply(frames: int, work: Callable[[], Any]) -> Any:
    return deeply(frames - 1, work) if frames else work()


def in_module(name: str, work: Callable[[], Any]) -> Any:
    def here(work: Callable[[], Any]) -> Any:
        return work()

    return FunctionType(here.__code__, {"__name__": name})(work)


def told() -> tuple[bool, bool]:
    """Whether this is inside of telemetry, where unknown means no, and where it means yes."""
    return callers.inside_telemetry(if_unknown=False), callers.inside_telemetry(if_unknown=True)


@pytest.mark.parametrize(
    ("module", "locks"),
    [
        ("opentelemetry.sdk.trace.export", True),
        ("opentelemetry.exporter.otlp.proto.http", True),
        ("opentelemetry.metrics._internal", True),
        ("opentelemetry.instrumentation.httpx", False),
        ("opentelemetry.trace", False),
        ("application", False),
    ],
)
def test_what_holds_locks_is_telemetry(module: str, locks: bool) -> None:
    assert on_a_short_stack(lambda: in_module(module, lambda: deeply(WITHIN, told))) == (locks, locks)


def test_beyond_the_limit_it_is_unknown() -> None:
    assert on_a_short_stack(lambda: in_module("opentelemetry.sdk.trace", lambda: deeply(BEYOND, told))) == (False, True)
    assert on_a_short_stack(lambda: deeply(BEYOND, told)) == (False, True)


def test_a_frame_runs_here_as_long_as_it_is_within_the_limit() -> None:
    def running(frames: int) -> bool:
        frame = cast("FrameType", inspect.currentframe())
        return bool(deeply(frames, lambda: callers.runs_within(frame)))

    assert (on_a_short_stack(lambda: running(WITHIN)), on_a_short_stack(lambda: running(BEYOND))) == (True, False)


def test_a_frame_of_another_thread_does_not_run_here() -> None:
    frame = cast("FrameType", inspect.currentframe())
    assert not on_a_short_stack(lambda: callers.runs_within(frame))


def test_readers_are_the_functions_of_the_sdk_and_its_http_client_nearby() -> None:
    def nested(*modules: str) -> Any:
        if not modules:
            return callers.readers()
        return in_module(modules[0], lambda: nested(*modules[1:]))

    assert on_a_short_stack(lambda: nested("application", "anthropic._response")) == {"here"}
    assert on_a_short_stack(lambda: nested("httpx2")) == {"here"}
    assert on_a_short_stack(lambda: nested("httpx_sse", "application")) == set()
    assert on_a_short_stack(lambda: in_module("anthropic", lambda: deeply(WITHIN, callers.readers))) == set()
