"""Whether midstream observes the SDK in this process, and what else makes spans for its calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import Final

from midstream._cli.doctor.findings import INSTRUMENT_LINE, Finding, Subject, cause_among
from midstream._instrumentor import AnthropicInstrumentor
from midstream._neighbours import active_neighbours, sdk_makes_spans
from midstream._options import Errors, Settings
from midstream._sdk.targets import TARGETS, Role, Target, own_attribute
from midstream._sdk.wrapped_method import layers, mark_on

_SDK_TRACING: Final = "ANTHROPIC_OPEN_TELEMETRY"

_CAUSES: Final = (
    Subject.SET_UP,
    Subject.SWITCHES,
    Subject.ENTRY_POINT,
    Subject.ANTHROPIC,
    Subject.DEPENDENCIES,
    Subject.OPENTELEMETRY,
    Subject.LAUNCHER,
)
"""What can prevent that midstream is on: first what is to be repaired first."""


class Place(Enum):
    """What is in the place of a target."""

    WRAPPED = "wrapped"
    BARE = "not wrapped"
    ABSENT = "not there"


def place_of(target: Target) -> Place:
    """What is in the place of `target` in the SDK that this process has imported."""
    owner = target.find()
    if owner is None:
        return Place.ABSENT
    return Place.WRAPPED if any(map(mark_on, layers(own_attribute(owner, target.method)))) else Place.BARE


def is_on() -> bool:
    """Whether midstream is instrumenting, with every patch of calls in place."""
    calls = (place_of(target) for target in TARGETS if target.role is Role.CALLS)
    return AnthropicInstrumentor().is_instrumented_by_opentelemetry and all(place is Place.WRAPPED for place in calls)


def patched(found: Sequence[Finding], *, by_setup: bool) -> Iterator[Finding]:
    """Whether midstream is on, and which methods of the SDK it wraps. Call it after the import of the SDK.

    `found`: the findings so far, one of which may be why it is not.
    """
    if not AnthropicInstrumentor().is_instrumented_by_opentelemetry:
        cause = None if by_setup else cause_among(found, _CAUSES)
        why = "" if cause is None else f": see {cause.subject.value}"
        without = "; MIDSTREAM_ERRORS=corrected corrects nothing" if Settings.of().errors is Errors.CORRECTED else ""
        remedy = f"{INSTRUMENT_LINE} (in the program)" if cause is None else cause.line
        yield Subject.INSTRUMENTED.problem(f"midstream does not instrument this process{why}{without}", remedy)
        return
    yield Subject.INSTRUMENTED.ok("midstream instruments this process")
    if "anthropic" not in sys.modules:
        yield Subject.PATCHES.not_tried("there is no SDK to patch")
        return
    for role, targets in groupby(TARGETS, key=lambda target: target.role):
        yield _role(role, tuple(targets))


def _role(role: Role, targets: tuple[Target, ...]) -> Finding:
    lost = {target: place for target in targets if (place := place_of(target)) is not Place.WRAPPED}
    if not lost:
        names = ", ".join(f"{target.owner}.{target.method}" for target in targets)
        return Subject.PATCHES.ok(f"{role.value}: {names}")
    if len(lost) == len(targets) and all(target.optional and lost[target] is Place.ABSENT for target in targets):
        return Subject.PATCHES.ok(f"{role.value}: this SDK has none")
    names = ", ".join(f"{target.name} is {place.value}" for target, place in lost.items())
    remedy = "pip install --upgrade midstream (if that does not help, report it with this line and the SDK's version)"
    return Subject.PATCHES.problem(f"{role.value}: not observed, because {names}", remedy)


def spans_made() -> Iterator[Finding]:
    """What makes spans for the calls of the SDK."""
    if "anthropic" not in sys.modules:
        return
    spans, by_sdk = Settings.of().spans, sdk_makes_spans()
    neighbours = active_neighbours()
    yield _sdk_spans(spans=spans, by_sdk=by_sdk, others=bool(neighbours))
    if not neighbours:
        yield Subject.NEIGHBOURS.ok("no other instrumentation of the SDK is active")
    for neighbour in neighbours:
        if spans or by_sdk:
            off = f"MIDSTREAM_SPANS=off{f' {_SDK_TRACING}=false' if by_sdk else ''}"
            hidden = f"; if it hides calls from midstream: {neighbour.hides}" if neighbour.hides else ""
            message = f"{neighbour.name} makes a second span for every call"
            yield Subject.NEIGHBOURS.warning(message, f"export {off} (or do not load it{hidden})")
        else:
            yield Subject.NEIGHBOURS.ok(f"{neighbour.name} makes the only span of a call")


def _sdk_spans(*, spans: bool, by_sdk: bool, others: bool) -> Finding:
    value = os.environ.get(_SDK_TRACING, "")
    why = f"{_SDK_TRACING}={value}" if value else "by default"
    if not by_sdk and value.lower() != "false":
        why = "this version has none"
    state = f"the SDK's own tracing is {'on' if by_sdk else 'off'} ({why})"
    if spans:
        made = "midstream enriches its spans" if by_sdk else "midstream makes the span of a call"
        return Subject.SDK_SPANS.ok(f"{state}: {made}")
    if by_sdk:
        message = f"{state}, and MIDSTREAM_SPANS=off: its spans say what the SDK believes, not how a call ended"
        return Subject.SDK_SPANS.warning(message, "unset MIDSTREAM_SPANS")
    both = f"{state}, and so are midstream's (MIDSTREAM_SPANS=off)"
    if others:
        return Subject.SDK_SPANS.ok(both)
    return Subject.SDK_SPANS.warning(f"{both}: a call has no span", "unset MIDSTREAM_SPANS")
