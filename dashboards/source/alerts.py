"""The alerts. The name of each is the name of its page in `runbooks/`; from where on it fires is in `objective`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from source import names, recording
from source.objective import (
    ABSENT,
    ANY,
    BURNS,
    DENIAL,
    KEEP,
    LIMITS,
    OBJECTIVE,
    OUTAGE,
    PAIRS,
    PERIOD,
    SHORTEST,
    STALL,
)
from source.queries import JUDGED, TARGET, Selection, counted, total
from source.recording import seconds
from source.variables import CHOICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from source.objective import Burn, Limit, Most

__all__ = ("ALERTS", "CRITICAL", "INFO", "WARNING", "Alert", "AlertText")

CRITICAL: Final = "critical"
"""Pages the engineer on call."""
WARNING: Final = "warning"
"""Opens a ticket."""
INFO: Final = "info"
"""Is for information."""

_NAMING: Final = tuple(label for label in ("service_name", "job") if label in TARGET) or TARGET[:1]
"""The labels that are the name of a service, best first. Others say which of the services with this name it is."""


def _first_of(*labels: str) -> str:
    return " ".join(("or",) * (len(labels) > 1) + tuple(f"$labels.{label}" for label in labels))


_SERVICE: Final = "".join(
    (
        f'{{{{ or {" ".join(f"$labels.{label}" for label in _NAMING)} "a service without a name" }}}}',
        *(
            f"{{{{ with {_first_of(one.label, *names.other_names(one.label))} }}}} in {{{{ . }}}}{{{{ end }}}}"
            for one in names.DIMENSIONS
            if one.label not in _NAMING and not one.same_as
        ),
    )
)
_SHARE: Final = "{{ $value | humanizePercentage }}"
_COUNT: Final = '{{ printf "%.0f" $value }}'
_MODEL: Final = f"{{{{ with $labels.{names.MODEL} }}}} ({{{{ . }}}}){{{{ end }}}}"
_KIND: Final = f"{{{{ $labels.{names.ERROR_TYPE} }}}}"
_COMPONENT: Final = f"{{{{ $labels.{names.COMPONENT} }}}}"

_BY_MODEL: Final = (*TARGET, names.MODEL)
_VARIABLES: Final = {choice.label: choice.name for choice in CHOICES}
"""By label, the variable of the boards that filters by it."""


@dataclass(frozen=True)
class AlertText:
    """The text for the engineer on call. Summary and description are Prometheus templates."""

    board: str
    """The uid of the board to open."""
    summary: str
    description: str


@dataclass(frozen=True)
class Alert:
    """One alerting rule."""

    name: str
    severity: str
    expression: str
    by: tuple[str, ...]
    """The labels that distinguish alerts with this name."""
    text: AlertText
    hold: str = "0m"
    keep: str = ""
    """How long it keeps firing after its expression has ended."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    since: str = "6h"
    """How far back the board looks."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The text and the links. The links get their base when the rules are exported."""
        chosen = "".join(
            f"{{{{ with $labels.{label} }}}}&var-{_VARIABLES[label]}={{{{ . | urlquery }}}}{{{{ end }}}}"
            for label in self.by
            if label in _VARIABLES
        )
        return {
            "summary": self.text.summary,
            "description": self.text.description,
            "runbook_url": f"runbooks/{self.name}.md",
            "dashboard_url": f"/d/{self.text.board}?from=now-{self.since}&to=now{chosen}",
        }


def _at_least(count: int, window: str) -> str:
    return f"round({recording.calls(window)} * {seconds(window)}) >= {count}"


def _budget(burn: Burn) -> Alert:
    allowed = 1 - OBJECTIVE
    lasts = seconds(PERIOD) / burn.factor / seconds("1d")

    def burns(window: str) -> str:
        return f"{recording.share(recording.FAILED, window)} > {burn.factor} * (1 - {OBJECTIVE})"

    return Alert(
        "MidstreamErrorBudgetBurn",
        burn.severity,
        f"{burns(burn.long)}\nand {burns(burn.short)}\nand {_at_least(burn.calls, burn.long)}",
        TARGET,
        AlertText(
            "midstream-budget",
            f"{_SERVICE} fails so often that its error budget for {PERIOD} lasts {lasts:.0f} days",
            f"{_SHARE} of the calls of {_SERVICE} failed in the last {burn.long}, and more than "
            f"{_percent(burn.factor * allowed)} in the last {burn.short}. The objective of {_percent(OBJECTIVE)} "
            f"allows {_percent(allowed)}.",
        ),
        burn.hold,
        KEEP[burn.severity],
        {"long": burn.long, "short": burn.short},
        since=max("6h", burn.long, key=seconds),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def _most(name: str, kind: str, most: Most, text: AlertText) -> Alert:
    """Pages when most calls are of this kind, or with little traffic all of them."""

    def judged(window: str, share: float, calls: int) -> str:
        return f"{recording.share(kind, window)} > {share} and {_at_least(calls, window)}"

    limits = (
        judged(SHORTEST, most.share, most.calls),
        *(judged(window, _ALL, most.all_of) for window in most.windows),
    )
    return Alert(name, CRITICAL, "\nor ".join(limits), TARGET, text, keep=KEEP[CRITICAL])


def _pair(name: str, kind: str, text: AlertText) -> tuple[Alert, ...]:
    """Opens a ticket for a high share lately, and for a low share over days."""
    return tuple(_share(name, kind, limit, text) for limit in (PAIRS[name].fast, PAIRS[name].slow))


def _share(name: str, kind: str, limit: Limit, text: AlertText) -> Alert:
    """An alert on a recorded share of all calls."""
    windows = {"long": limit.window, "short": str(limit.short)}
    shares = (f"{recording.share(kind, window)} > {limit.share}" for window in windows.values())
    expression = "\nand ".join((*shares, _at_least(limit.calls, limit.window)))
    since = max("6h", limit.window, key=seconds)
    within = _within(limit.window, text)
    return Alert(name, WARNING, expression, TARGET, within, limit.hold, KEEP[WARNING], windows, since)


def _status(name: str, status: int, text: AlertText) -> Alert:
    """An alert on the share of the calls of a model that have this effective status."""
    limit = LIMITS[name]
    part = total(str(Selection(recording.errors(limit.window)).where(names.STATUS, str(status))), *_BY_MODEL)
    whole = total(str(Selection(recording.operations(limit.window)).ended(*JUDGED)), *_BY_MODEL)
    enough = f"round({whole} * {seconds(limit.window)}) >= {limit.calls}"
    expression = f"{part}\n/ ({whole} > 0)\n> {limit.share}\nand {enough}"
    return Alert(name, WARNING, expression, _BY_MODEL, _within(limit.window, text), limit.hold, KEEP[WARNING])


def _any(name: str, severity: str, selection: Selection, by: tuple[str, ...], text: AlertText) -> Alert:
    """An alert on every occurrence, from the first one on."""
    window = ANY[name]
    by_all = (*TARGET, *by)
    expression = f"{total(counted(selection, window), *by_all)} > 0"
    return Alert(name, severity, expression, by_all, _within(window, text))


def _within(window: str, text: AlertText) -> AlertText:
    return replace(text, description=f"In the last {window}, {text.description}")


def _stalls() -> Alert:
    name = "MidstreamStalls"
    limit = LIMITS[name]

    def seen(selection: Selection) -> str:
        return total(counted(selection, limit.window), *_BY_MODEL)

    every = seen(Selection(f"{names.LONGEST_WAIT}_count"))
    in_time = seen(Selection(f"{names.LONGEST_WAIT}_bucket").where("le", str(STALL)))
    text = AlertText(
        "midstream-outcomes",
        f"Streams of {_SERVICE}{_MODEL} stall",
        f"{_SHARE} of the streams of {_SERVICE}{_MODEL} waited longer than {STALL} seconds for bytes, whether they "
        "completed or not.",
    )
    expression = f"1 - {in_time}\n/ ({every} >= {limit.calls})\n> {limit.share}"
    return Alert(name, WARNING, expression, _BY_MODEL, _within(limit.window, text), limit.hold, KEEP[WARNING])


def _absent() -> Alert:
    hour, now = recording.calls("1h"), recording.calls(SHORTEST)
    had_calls = f"sum_over_time({hour}[{ABSENT.window}:1h]) * {seconds('1h')} >= {ABSENT.calls}"
    unbroken = f"count_over_time({now}[{ABSENT.lasting}:{SHORTEST}])"
    points = seconds(ABSENT.lasting) // seconds(SHORTEST)
    lasted = f"max_over_time({unbroken}[{ABSENT.window}:30m]) >= {points}"
    text = AlertText(
        "midstream-outcomes",
        f"{_SERVICE} has stopped reporting calls",
        f"{_SERVICE} reported about {_COUNT} calls in the last {ABSENT.window}, and has had no series for "
        f"{ABSENT.hold}. Until the series return, no other alert of midstream can fire for it. This alert fires until "
        f"they return, or until the last call is {ABSENT.window} old.",
    )
    expression = f"{had_calls}\nand {lasted}\nunless {now}"
    return Alert("MidstreamTelemetryAbsent", WARNING, expression, TARGET, text, ABSENT.hold)


_ERRORS: Final = Selection(names.ERRORS)
_OPERATIONS: Final = Selection(names.OPERATIONS)
_ALL: Final = 0.999
"""The share that is all of them. Shares are quotients of sums, which may differ from 1 in the last digits."""

ALERTS: Final = (
    _most(
        "MidstreamOutage",
        recording.FAILED,
        OUTAGE,
        AlertText(
            "midstream-outcomes",
            f"Calls of {_SERVICE} fail: {_SHARE}",
            f"{_SHARE} of the calls of {_SERVICE} fail: more than {_percent(OUTAGE.share)} of at least "
            f"{OUTAGE.calls} calls in the last {SHORTEST}, or, with less traffic, each of at least {OUTAGE.all_of} "
            f"calls in up to {OUTAGE.windows[-1]}.",
        ),
    ),
    *map(_budget, BURNS),
    *_pair(
        "MidstreamInBandErrors",
        recording.IN_BAND,
        AlertText(
            "midstream-misreported",
            f"Calls of {_SERVICE} fail inside a 200 stream",
            f"{_SHARE} of the calls of {_SERVICE} ended with an error event of the API inside an HTTP 200 stream. The "
            "exception has status 200, so HTTP monitoring counts these calls as successes.",
        ),
    ),
    *_pair(
        "MidstreamConnectionErrors",
        recording.CONNECTION,
        AlertText(
            "midstream-outcomes",
            f"{_SERVICE} cannot reach the API",
            f"{_SHARE} of the calls of {_SERVICE} had no connection to the API, or lost it before the response, after "
            "all retries of the SDK.",
        ),
    ),
    *_pair(
        "MidstreamTransportErrors",
        recording.TRANSPORT,
        AlertText(
            "midstream-leaked",
            f"Connections of {_SERVICE} break while responses are being read",
            f"{_SHARE} of the calls of {_SERVICE} ended with a connection that broke or stalled while the response was "
            "being read. In a stream, the SDK leaks the exception of the HTTP client, and "
            "`except anthropic.APIError` does not catch it.",
        ),
    ),
    *_pair(
        "MidstreamTruncatedStreams",
        recording.TRUNCATED,
        AlertText(
            "midstream-outcomes",
            f"Streams of {_SERVICE} are truncated without an error",
            f"{_SHARE} of the calls of {_SERVICE} were streams that ended before their end event. Nothing was raised, "
            "so incomplete responses look complete.",
        ),
    ),
    *_pair(
        "MidstreamMalformedData",
        recording.MALFORMED,
        AlertText(
            "midstream-outcomes",
            f"{_SERVICE} receives responses that cannot be decoded",
            f"{_SHARE} of the calls of {_SERVICE} ended with bytes that could not be decoded: JSON, UTF-8, content "
            "encoding or frame checksum. `except anthropic.APIError` usually does not catch the exception.",
        ),
    ),
    _status(
        "MidstreamOverloaded",
        529,
        AlertText(
            "midstream-outcomes",
            f"The API is overloaded for {_SERVICE}{_MODEL}",
            f"{_SHARE} of the calls of {_SERVICE}{_MODEL} ended with status 529: as an HTTP error, after all retries, "
            "or inside a 200 stream, which the SDK does not retry.",
        ),
    ),
    _status(
        "MidstreamRateLimited",
        429,
        AlertText(
            "midstream-outcomes",
            f"The API limits the rate of {_SERVICE}{_MODEL}",
            f"{_SHARE} of the calls of {_SERVICE}{_MODEL} ended with status 429: as an HTTP error, after all retries, "
            "or inside a 200 stream, which the SDK does not retry.",
        ),
    ),
    _most(
        "MidstreamAccessDenied",
        recording.DENIED,
        DENIAL,
        AlertText(
            "midstream-outcomes",
            f"The API denies access to {_SERVICE}",
            f"{_SHARE} of the calls of {_SERVICE} end with effective status 401, 402 or 403, as an HTTP error or "
            "inside a 200 stream. A retry does not help; everything else with this key or account may fail.",
        ),
    ),
    _any(
        "MidstreamAccessDenied",
        WARNING,
        recording.denied(_ERRORS),
        (names.ERROR_TYPE,),
        AlertText(
            "midstream-outcomes",
            f"The API denies access to {_SERVICE}: {_KIND}",
            f"calls of {_SERVICE} that ended with {_KIND}: {_COUNT}. Effective status 401, 402 or 403, as an HTTP "
            "error or inside a 200 stream. A retry does not help; everything else with this key or account may fail.",
        ),
    ),
    _any(
        "MidstreamMisreportedStatus",
        INFO,
        _OPERATIONS.where(names.MISREPORTED, "true"),
        (),
        AlertText(
            "midstream-misreported",
            f"The SDK reports the wrong status to {_SERVICE}",
            f"failed calls of {_SERVICE} whose exception had another status, usually 200: {_COUNT}.",
        ),
    ),
    _stalls(),
    _any(
        "MidstreamTelemetryErrors",
        WARNING,
        Selection(names.TELEMETRY_ERRORS),
        (names.COMPONENT,),
        AlertText(
            "midstream-outcomes",
            f"midstream caught internal errors in {_SERVICE}",
            f"internal errors of midstream in {_SERVICE}, component {_COMPONENT}: {_COUNT}. The application is not "
            "affected; the telemetry of these calls may be incomplete.",
        ),
    ),
    _absent(),
)
"""Every alert, in reading order."""
