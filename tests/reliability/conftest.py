"""A real fault server, the real SDK, a real OpenTelemetry SDK: as for the tests of integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.conftest import exported, instrumented, no_fault_of_our_own, server
from support.interpreters import Interpreters

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("exported", "instrumented", "interpreters", "no_fault_of_our_own", "server")


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreters]:
    running = Interpreters(tmp_path_factory.mktemp("interpreters"))
    yield running
    running.stop()
