"""A real fault server, the real SDK, a real OpenTelemetry SDK."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.exported import Exported

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def exported() -> Iterator[Exported]:
    memory = Exported()
    yield memory
    memory.shutdown()


Instrument = "Callable[..., Any]"


@pytest.fixture
def instrumented(exported: Exported) -> Iterator[Any]:
    """`with instrumented(spans=False):` observes what runs inside, and exports it into `exported`."""

    @contextmanager
    def instrument(**options: Any) -> Iterator[Exported]:
        instrumentor = AnthropicInstrumentor()
        instrumentor.instrument(**{**exported.providers, **options})
        try:
            yield exported
        finally:
            instrumentor.uninstrument()

    return instrument


@pytest.fixture(autouse=True)
def no_fault_of_our_own(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test in which midstream had to contain a fault that the test did not inject."""
    caplog.set_level(logging.DEBUG, logger="midstream")
    yield
    if request.node.get_closest_marker("injects_faults") is None:
        assert [record.getMessage() for record in caplog.records if "fault of its own" in record.getMessage()] == []
