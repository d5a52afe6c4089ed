"""The names of midstream's metrics and labels in Prometheus, made from the contract.

The translation is the one of OpenTelemetry's Prometheus exporter for Python and of Prometheus' own OTLP receiver with
`UnderscoreEscapingWithSuffixes`, its default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from midstream._cli.dashboards.settings import BoardSettings
from midstream._telemetry.metrics import METRICS, Instrument, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "COMPONENT",
    "DIMENSIONS",
    "DURATION",
    "ERRORS",
    "ERROR_TYPE",
    "FIRST_CHUNK",
    "LABELS",
    "LEAKED",
    "LONGEST_WAIT",
    "MISREPORTED",
    "MODEL",
    "NATIVE",
    "OBSERVED",
    "OPERATION",
    "OPERATIONS",
    "OUTCOME",
    "PHASE",
    "PROVIDER",
    "RESENDS",
    "SERVER",
    "SETTINGS",
    "STATUS",
    "STREAMED",
    "STREAMS",
    "TARGET",
    "TELEMETRY_ERRORS",
    "TOKENS",
    "TOKEN_TYPE",
    "Dimension",
    "label",
    "of_histogram",
    "other_names",
    "series_of",
)

_SUFFIXES: Final = {"s": "_seconds"}
_HISTOGRAM: Final = ("_bucket", "_sum", "_count")

SETTINGS: Final = BoardSettings.from_environment()
"""What the user decided who exports boards and rules."""


@dataclass(frozen=True)
class Dimension:
    """A label that identifies a service. It comes from the scrape configuration, or from the resource."""

    label: str
    variable: str
    """The variable of the boards that filters by it."""
    title: str
    same_as: str = ""
    """The label that this is another name for. Boards hide its variable, which links of alerts set."""


_USUAL: Final = (
    Dimension("job", "job", "Job"),
    Dimension("service_name", "service", "Service"),
    Dimension("deployment_environment_name", "environment", "Environment"),
    Dimension("namespace", "namespace", "Namespace"),
    # Other names of the last two: of the environment before OpenTelemetry renamed it, of the namespace over OTLP.
    Dimension(
        "deployment_environment", "deployment_environment", "Environment (old name)", "deployment_environment_name"
    ),
    Dimension("k8s_namespace_name", "k8s_namespace", "Kubernetes namespace", "namespace"),
)
"""Series may lack any of these labels: then they do not distinguish services."""


def _dimension(label: str) -> Dimension:
    known = next((one for one in _USUAL if one.label == label), None)
    return replace(known, same_as="") if known else Dimension(label, label, label.replace("_", " ").capitalize())


DIMENSIONS: Final = tuple(map(_dimension, SETTINGS.by)) or _USUAL
"""What identifies a service, in rules, boards and alerts alike."""


def other_names(label: str) -> tuple[str, ...]:
    """The labels that are other names for this one."""
    return tuple(dimension.label for dimension in DIMENSIONS if dimension.same_as == label)


TARGET: Final = tuple(dimension.label for dimension in DIMENSIONS)
"""The labels that identify a service. A series has at least one of them."""


def label(attribute: str) -> str:
    """The label that an attribute becomes."""
    return attribute.replace(".", "_")


def _base(metric: Metric) -> str:
    name = label(metric.name) + _SUFFIXES.get(metric.unit, "")
    return f"{name}_total" if metric.instrument is Instrument.COUNTER else name


def series_of(metric: Metric) -> tuple[str, ...]:
    """The names of the series that a metric becomes."""
    return of_histogram(_base(metric)) if metric.instrument is Instrument.HISTOGRAM else (_base(metric),)


def of_histogram(name: str) -> tuple[str, ...]:
    """The names of the series that a histogram with buckets becomes."""
    return tuple(name + ending for ending in _HISTOGRAM)


LABELS: Final[Mapping[str, frozenset[str]]] = {
    series: frozenset(("instance", *TARGET, *map(label, metric.attributes), *(["le"] * series.endswith("_bucket"))))
    for metric in METRICS
    for series in series_of(metric)
}
"""By the name of a series, the labels that it can have."""

NATIVE: Final[Mapping[str, frozenset[str]]] = {
    _base(metric): LABELS[f"{_base(metric)}_count"] for metric in METRICS if metric.instrument is Instrument.HISTOGRAM
}
"""The same of histograms without buckets: native ones, which OTLP calls exponential."""

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
