"""What the instrumentation really exports to Prometheus: every fault through the real SDK, and the page of metrics."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from midstream import AnthropicInstrumentor
from midstream._cli.clients import open_stream, sync_client
from midstream._cli.demo.exporting import metrics_page, telemetry
from midstream._telemetry.series import CallSeries
from midstream.faults import EXAMPLES, FaultServer, parse

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import pytest

__all__ = ("Page", "Sample", "page_of_every_fault")

_OF_THE_EXPORTER: Final = "otel_scope_"
"""Prefixes of labels that describe the instrumentation, not calls."""


@dataclass(frozen=True)
class Sample:
    """One line of the page, with the labels that have a value."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Page:
    """A page of metrics."""

    text: str

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """All its lines except those that the exporter adds."""
        return tuple(self._samples())

    def _samples(self) -> Iterator[Sample]:
        families: Any = text_string_to_metric_families(self.text)
        for family in families:
            for name, labels, value, *_ in family.samples:
                said = {label: text for label, text in labels.items() if _tells(label, text)}
                if name != "target_info":
                    yield Sample(name, said, value)

    @property
    def labels(self) -> Mapping[str, frozenset[str]]:
        """By name of a series, the labels that at least one has."""
        found: dict[str, set[str]] = {}
        for sample in self.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        return {name: frozenset(labels) for name, labels in found.items()}


def page_of_every_fault(patch: pytest.MonkeyPatch) -> Page:
    """The page after a call for each example, with every option on, and one fault inside midstream."""
    with FaultServer() as server, metrics_page(0) as page, telemetry(None, page) as made:
        providers = {
            "tracer_provider": made.tracer_provider,
            "meter_provider": made.meter_provider,
            "logger_provider": made.logger_provider,
        }
        with _instrumented(**providers, chunk_timings=True), sync_client(server.url) as client:
            for scenario in map(parse, EXAMPLES):
                with suppress(Exception):
                    for _event in open_stream(client, scenario):
                        pass
            with patch.context() as faulty, suppress(Exception):
                faulty.setattr(CallSeries, "end_of", _raising)
                for _event in open_stream(client, parse("cut")):
                    pass
        # A proxy in the environment is not meant for these requests.
        with build_opener(ProxyHandler({})).open(page.url) as answer:
            return Page(answer.read().decode())


def _tells(label: str, text: str) -> bool:
    return bool(text) and not label.startswith(_OF_THE_EXPORTER)


@contextmanager
def _instrumented(**options: Any) -> Generator[None]:
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(**options)
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _raising(*_args: object) -> None:
    message = "a fault inside midstream"
    raise ValueError(message)
