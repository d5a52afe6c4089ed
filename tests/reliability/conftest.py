"""A real fault server, the real SDK, a real OpenTelemetry SDK: as for the tests of integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.conftest import exported, instrumented, no_fault_of_our_own, server
from support.lifecycle import SPANS
from support.processes import World

if TYPE_CHECKING:
    from pathlib import Path

    from midstream.faults import FaultServer

__all__ = ("exported", "instrumented", "no_fault_of_our_own", "server", "world")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", SPANS if metafunc.config.getoption("--long") else SPANS[:1], indirect=True)


@pytest.fixture
def world(server: FaultServer, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """What the programs of a test have, with the spans of the SDK or, at full size, once more with ours."""
    return World(server.url, str(tmp_path), request.param)
