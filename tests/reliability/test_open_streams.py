"""The bytes that midstream adds to an open stream, by tracemalloc, which does not depend on the machine."""

from __future__ import annotations

import pytest
from open_streams import memory
from server import serving

pytestmark = pytest.mark.full

LIMITS = {"": 5_049, ", on the SDK span": 3_000}
"""By the end of the benchmark's row."""


def test_an_open_stream_adds_no_more_than_this() -> None:
    with serving() as url:
        added = {row[0]: float(row[2].split()[0].replace(",", "")) for row in memory(url, 64, 1)}
    for name, found in added.items():
        assert found <= LIMITS[name.removeprefix("an open stream, sync").removeprefix("an open stream, async")], added
