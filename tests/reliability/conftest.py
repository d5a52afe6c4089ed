from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midstream.faults import FaultServer
from support.interpreters import Interpreters

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreters]:
    running = Interpreters(tmp_path_factory.mktemp("interpreters"))
    yield running
    running.stop()
