"""What is released, built once for all processes of a run, and environments that have it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from midstream.faults import FaultServer
from support.distribution import Environment, Release, build, environment, once
from support.export import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run, the same in all its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def release(shared: Path) -> Release:
    """Built from the checkout."""
    return Release.in_(once(shared / "release", lambda folder: build(CHECKOUT, folder)))


@pytest.fixture(scope="session")
def core(shared: Path, release: Release) -> Environment:
    """`pip install midstream`, and nothing else."""
    return Environment(once(shared / "core", lambda home: environment(home, release)))


@pytest.fixture(scope="session")
def cli(shared: Path, release: Release) -> Environment:
    """`pip install "midstream[cli]"`, and nothing else."""
    return Environment(once(shared / "cli", lambda home: environment(home, release, ["cli"])))


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running
