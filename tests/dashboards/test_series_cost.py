"""What the series of a process cost, and what a view saves, as dashboards/prometheus/README.md says."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY

from midstream import AnthropicInstrumentor
from midstream._cli.clients import sync_client
from midstream.faults import FaultServer
from source import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE: Final = (Path(__file__).parents[2] / "dashboards" / "prometheus" / "README.md").read_text(encoding="utf-8")
SECTION: Final = PAGE.partition("## What the series cost\n")[2].partition("\n## ")[0]

CALLS: Final = ("ok", "in_band:overloaded_error", "reset", "cut", "http:rate_limit_error")
"""One operation of one model, and four kinds of failure."""


def series(views: Sequence[Any] = ()) -> Mapping[str, int]:
    """How many series a process has after these calls, by metric."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader], views=views)
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(meter_provider=provider)
    try:
        with FaultServer() as server, sync_client(server.url).with_options(max_retries=0) as client:
            server.script(*CALLS)
            for _ in CALLS:
                with suppress(Exception), client.messages.stream(**REQUEST) as stream:
                    stream.until_done()
        found = [sample.name for family in REGISTRY.collect() for sample in family.samples]
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    families = {name: family for family in names.NATIVE for name in (family, *names.of_histogram(family))}
    return Counter(families.get(name, name) for name in found if name in {*families, *names.LABELS})


REQUEST: Final[dict[str, Any]] = {
    "model": "claude",
    "max_tokens": 8,
    "messages": [{"role": "user", "content": "Is all well?"}],
}


@pytest.fixture(scope="module")
def usual() -> Mapping[str, int]:
    return series()


def test_the_table_has_the_series_of_each_metric(usual: Mapping[str, int]) -> None:
    listed = {name: int(number) for name, number in re.findall(r"^\| `(\w+)` \| (\d+) \|", SECTION, re.MULTILINE)}
    assert listed == usual
    total = sum(usual.values())
    assert f"**{total}** series" in SECTION
    assert f"{200 * total:,} series" in SECTION


def test_the_view_saves_what_the_page_says(usual: Mapping[str, int]) -> None:
    code = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)[0]
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 - it is what is tested
    left = series(found["VIEWS"])
    assert f"from {sum(usual.values())} to {sum(left.values())}" in " ".join(SECTION.split())
    assert {name: number for name, number in usual.items() if name not in names.NATIVE} == {
        name: number for name, number in left.items() if name not in names.NATIVE
    }
