"""The names of midstream's metrics and labels in Prometheus, made from the contract.

The translation is the one of OpenTelemetry's Prometheus exporter for Python and of Prometheus' own OTLP receiver with
`UnderscoreEscapingWithSuffixes`, its default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream._telemetry.metrics import METRICS, Instrument, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "COMPONENT",
    "DURATION",
    "ERRORS",
    "ERROR_TYPE",
    "FIRST_CHUNK",
    "LABELS",
    "LEAKED",
    "LONGEST_WAIT",
    "MISREPORTED",
    "MODEL",
    "OBSERVED",
    "OPERATION",
    "OPERATIONS",
    "OUTCOME",
    "PHASE",
    "PROVIDER",
    "RESENDS",
    "SERVER",
    "STATUS",
    "STREAMED",
    "STREAMS",
    "TELEMETRY_ERRORS",
    "TOKENS",
    "TOKEN_TYPE",
    "label",
    "series_of",
)

_SUFFIXES: Final = {"s": "_seconds"}
_HISTOGRAM: Final = ("_bucket", "_sum", "_count")
_TARGET: Final = ("job", "instance", "service_name")
"""What comes from the scrape configuration, or from the resource."""


def label(attribute: str) -> str:
    """The label that an attribute becomes."""
    return attribute.replace(".", "_")


def _base(metric: Metric) -> str:
    name = label(metric.name) + _SUFFIXES.get(metric.unit, "")
    return f"{name}_total" if metric.instrument is Instrument.COUNTER else name


def series_of(metric: Metric) -> tuple[str, ...]:
    """The names of the series that a metric becomes."""
    endings = _HISTOGRAM if metric.instrument is Instrument.HISTOGRAM else ("",)
    return tuple(_base(metric) + ending for ending in endings)


LABELS: Final[Mapping[str, frozenset[str]]] = {
    series: frozenset((*_TARGET, *map(label, metric.attributes), *(["le"] * series.endswith("_bucket"))))
    for metric in METRICS
    for series in series_of(metric)
}
"""By the name of a series, the labels that it can have."""

_NAMES: Final = {metric.name: _base(metric) for metric in METRICS}

OPERATIONS: Final = _NAMES["midstream.client.operations"]
ERRORS: Final = _NAMES["midstream.client.errors"]
STREAMS: Final = _NAMES["midstream.client.stream.active"]
LONGEST_WAIT: Final = _NAMES["midstream.client.stream.longest_wait"]
"""Without the ending of a histogram, as are DURATION, FIRST_CHUNK and TOKENS."""
RESENDS: Final = _NAMES["midstream.client.resends"]
TELEMETRY_ERRORS: Final = _NAMES["midstream.telemetry.errors"]
DURATION: Final = _NAMES["gen_ai.client.operation.duration"]
FIRST_CHUNK: Final = _NAMES["gen_ai.client.operation.time_to_first_chunk"]
TOKENS: Final = _NAMES["gen_ai.client.token.usage"]

OPERATION: Final = label("gen_ai.operation.name")
PROVIDER: Final = label("gen_ai.provider.name")
MODEL: Final = label("gen_ai.request.model")
STREAMED: Final = label("gen_ai.request.stream")
SERVER: Final = label("server.address")
OUTCOME: Final = label("midstream.outcome")
LEAKED: Final = label("midstream.leaked")
MISREPORTED: Final = label("midstream.misreported")
CORRECTED: Final = label("midstream.corrected")
PHASE: Final = label("midstream.phase")
ERROR_TYPE: Final = label("error.type")
STATUS: Final = label("midstream.status_code")
"""The effective status."""
OBSERVED: Final = label("http.response.status_code")
TOKEN_TYPE: Final = label("gen_ai.token.type")
COMPONENT: Final = label("midstream.component")
