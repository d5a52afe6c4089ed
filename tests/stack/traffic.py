"""The calls that all routes have, and what the stores say of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from stack.application import Failed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from dashboards.prometheus import Store
    from stack.application import Application

__all__ = ("SERVICE", "Traffic", "counted", "evaluated", "failed_in", "failed_on", "has_all", "is_scraped")

SERVICE: Final = "mixed"


@dataclass(frozen=True)
class Traffic:
    """An application that has made calls of every kind, and the stores that have counted all of them, by route."""

    application: Application
    outcomes: Counter[str]
    """The number of calls by outcome."""
    without_event: Sequence[Failed]
    """The failures whose log event an internal error of midstream has prevented."""
    stores: Mapping[str, Store]
    counted_at: float
    """When all calls were counted, and none longer ago than the shortest window."""
    at: float
    """When all rules have been evaluated with all calls."""


def counted(store: Store, service: str) -> dict[str, float]:
    """By outcome, the calls of a service that a store has, of all its processes."""
    query = f'sum by (midstream_outcome) (midstream_client_operations_total{{service_name="{service}"}}) > 0'
    return {series.labels["midstream_outcome"]: series.values[0] for series in store.now(query)}


def has_all(store: Store, outcomes: Mapping[str, int]) -> None:
    """Asserts that a store has these calls, and no others."""
    assert counted(store, SERVICE) == outcomes


def is_scraped(store: Store, *, wanted: bool = True) -> None:
    """Asserts that the last scrape was in time, or that there was none. After a late one, gauges have no value."""
    assert bool(store.now("up == 1")) is wanted


def evaluated(store: Store, since: datetime) -> None:
    """Asserts that every rule has been evaluated since."""
    times = [rule["lastEvaluation"] for group in store.get("rules")["groups"] for rule in group["rules"]]
    assert min(_time(text) for text in times) > since


def _time(text: str) -> datetime:
    # Without the fraction of the second: it has nine digits, which Python 3.10 does not read.
    return datetime.strptime(text[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")


def failed_in(events: list[Any]) -> list[Failed]:
    """The failed calls that log events are about."""
    return sorted(Failed(event["trace_id"], event["midstream.outcome"], event["_msg"]) for event in events)


def failed_on(spans: list[Any]) -> list[Failed]:
    """The failed calls that kept spans are about."""
    return sorted(
        Failed(span["traceID"], tags["midstream.outcome"], tags["otel.status_description"])
        for span in spans
        if "otel.status_description" in (tags := {tag["key"]: tag["value"] for tag in span["tags"]})
    )
