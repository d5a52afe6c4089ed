"""What is released, built once, and environments that have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midstream.faults import FaultServer
from release.distribution import Environment, Release, build, environment
from support.export import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Built from the checkout."""
    return build(CHECKOUT, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Environment:
    """`pip install midstream`, and nothing else."""
    return environment(tmp_path_factory.mktemp("core"), release)


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Environment:
    """`pip install "midstream[cli]"`, and nothing else."""
    return environment(tmp_path_factory.mktemp("cli"), release, ["cli"])


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running
