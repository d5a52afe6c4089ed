"""The open streams, as a meter observes them."""

from __future__ import annotations

from typing import Any

from midstream._guard import UNCOUNTED
from midstream._telemetry.open_streams import OpenStreams


def test_what_cannot_be_counted_is_nothing_to_the_meter() -> None:
    streams = OpenStreams(UNCOUNTED.metrics)
    unhashable: Any = []
    streams.opened("a call", unhashable)
    assert streams.observed() == []
