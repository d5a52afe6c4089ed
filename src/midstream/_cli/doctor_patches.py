"""Whether midstream observes the SDK in this process, and who else makes spans for its calls."""

from __future__ import annotations

import os
import sys
from itertools import groupby
from typing import TYPE_CHECKING

from midstream._cli.doctor_findings import Finding, Health, Subject
from midstream._instrumentor import AnthropicInstrumentor
from midstream._neighbours import active_neighbours, sdk_makes_spans
from midstream._options import Settings
from midstream._sdk.patches import Place, place_of
from midstream._sdk.targets import TARGETS, Role, Target

if TYPE_CHECKING:
    from collections.abc import Iterator


_SDK_TRACING = "ANTHROPIC_OPEN_TELEMETRY"


def is_on() -> bool:
    """Whether midstream is instrumenting, with every patch of calls in place."""
    calls = (place_of(one) for one in TARGETS if one.role is Role.CALLS)
    return AnthropicInstrumentor().is_instrumented_by_opentelemetry and all(place is Place.WRAPPED for place in calls)


def patched(*, by_setup: bool) -> Iterator[Finding]:
    """Whether midstream is on, and which methods of the SDK it has wrapped. The SDK is imported."""
    if not AnthropicInstrumentor().is_instrumented_by_opentelemetry:
        remedy = (
            "call AnthropicInstrumentor().instrument() there"
            if by_setup
            else "see anthropic, entry point, switches and set-up"
        )
        yield Finding(Subject.INSTRUMENTED, Health.PROBLEM, "midstream does not instrument this process", remedy)
        return
    yield Finding(Subject.INSTRUMENTED, Health.OK, "midstream instruments this process")
    if "anthropic" not in sys.modules:
        yield Finding(Subject.PATCHES, Health.NOT_TRIED, "there is no SDK to patch")
        return
    for role, targets in groupby(TARGETS, key=lambda one: one.role):
        yield _role(role, tuple(targets))


def _role(role: Role, targets: tuple[Target, ...]) -> Finding:
    places = {target: place_of(target) for target in targets}
    names = ", ".join(f"{one.owner}.{one.method}" for one in targets)
    if all(place is Place.WRAPPED for place in places.values()):
        return Finding(Subject.PATCHES, Health.OK, f"{role.value}: {names}")
    lost = ", ".join(f"{one.name} is {place.value}" for one, place in places.items() if place is not Place.WRAPPED)
    if all(one.optional and place is Place.ABSENT for one, place in places.items()):
        return Finding(Subject.PATCHES, Health.OK, f"{role.value}: this SDK has none")
    message = f"{role.value}: not observed, for {lost}"
    remedy = "pip install --upgrade midstream; if that does not help, report it with this line and the SDK's version"
    return Finding(Subject.PATCHES, Health.PROBLEM, message, remedy)


def spans_made() -> Iterator[Finding]:
    """Who makes spans for the calls of the SDK."""
    if "anthropic" not in sys.modules:
        return
    spans = Settings.of().spans
    neighbours = active_neighbours()
    yield _sdk_spans(spans=spans, others=bool(neighbours))
    if not neighbours:
        message = "no other instrumentation of the SDK is active"
        yield Finding(Subject.NEIGHBOURS, Health.OK, message)
    for one in neighbours:
        if spans or sdk_makes_spans():
            off = f"MIDSTREAM_SPANS=off{f' {_SDK_TRACING}=false' if sdk_makes_spans() else ''}"
            message = f"{one.name} makes a second span for every call"
            hidden = f"; if it hides calls from midstream: {one.hides}" if one.hides else ""
            yield Finding(Subject.NEIGHBOURS, Health.WARNING, message, f"do not load it, or set {off}{hidden}")
        else:
            yield Finding(Subject.NEIGHBOURS, Health.OK, f"{one.name} makes the only span of a call")


def _sdk_spans(*, spans: bool, others: bool) -> Finding:
    by_sdk = sdk_makes_spans()
    told = os.environ.get(_SDK_TRACING, "")
    why = f"{_SDK_TRACING}={told}" if told else "by default"
    if not by_sdk and told.lower() != "false":
        why = "this version has none"
    state = f"the SDK's own tracing is {'on' if by_sdk else 'off'} ({why})"
    if spans:
        made = "midstream enriches its spans" if by_sdk else "midstream makes the span of a call"
        return Finding(Subject.SDK_SPANS, Health.OK, f"{state}: {made}")
    if by_sdk:
        message = f"{state}, and MIDSTREAM_SPANS=off: its spans say what the SDK believes, not how a call ended"
        return Finding(Subject.SDK_SPANS, Health.WARNING, message, "unset MIDSTREAM_SPANS")
    if others:
        return Finding(Subject.SDK_SPANS, Health.OK, f"{state}, and so are midstream's (MIDSTREAM_SPANS=off)")
    message = f"{state}, and so are midstream's (MIDSTREAM_SPANS=off): a call has no span"
    return Finding(Subject.SDK_SPANS, Health.WARNING, message, "unset MIDSTREAM_SPANS")
