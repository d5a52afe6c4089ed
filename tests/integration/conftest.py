"""A real fault server, the real SDK, a real OpenTelemetry SDK."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer
from support.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def exported() -> Iterator[Exported]:
    memory = Exported()
    yield memory
    memory.shutdown()


@pytest.fixture
def instrumented(exported: Exported) -> Callable[..., AbstractContextManager[Exported]]:
    """`with instrumented(spans=False):` observes what runs inside, and exports it into `exported`."""

    @contextmanager
    def instrument(**options: Any) -> Generator[Exported]:
        instrumentor = AnthropicInstrumentor()
        instrumentor.instrument(**{**exported.providers, **options})
        try:
            yield exported
        finally:
            instrumentor.uninstrument()

    return instrument


@pytest.fixture(autouse=True)
def no_fault_of_our_own(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Generator[None]:
    """Fails a test in which midstream had to contain a fault that the test did not inject."""
    caplog.set_level(logging.DEBUG, logger="midstream")
    yield
    if request.node.get_closest_marker("injects_faults") is None:
        assert [
            record.getMessage() for record in caplog.get_records("call") if "fault of its own" in record.getMessage()
        ] == []
