"""A fault server that the examples call, and a receiver that they export to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midstream.faults import FaultServer
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.otlp_receiver import OtlpReceiver


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with otlp_receiver() as received:
        yield received
