"""A real fault server, the real SDK, a real OpenTelemetry SDK, and real neighbours."""

from __future__ import annotations

import gc
import importlib
import logging
from typing import TYPE_CHECKING

import pytest

from midstream import _neighbours as neighbours
from midstream.faults import FaultServer
from neighbours.peers import PEERS
from support.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def cheap_collections() -> Iterator[None]:
    """Keeps permanent objects out of every `gc.collect()` of the tests."""
    for peer in PEERS.values():
        if peer.missing is None:
            importlib.import_module(peer.module)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def exported() -> Iterator[Exported]:
    memory = Exported()
    yield memory
    memory.shutdown()


@pytest.fixture(autouse=True)
def no_fault_of_our_own(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Fails a test in which midstream had to contain a fault."""
    caplog.set_level(logging.DEBUG, logger="midstream")
    yield
    assert [record.getMessage() for record in caplog.records if "caught an internal error" in record.getMessage()] == []


class Messages(logging.Handler):
    """The warnings, as they come."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The warnings of midstream, as they come, in a process that has seen none."""
    monkeypatch.setattr(neighbours, "_warned", set[tuple[str, bool]]())
    logger, handler = logging.getLogger("midstream"), Messages()
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)
