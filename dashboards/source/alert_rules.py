"""The expressions of alerts: each function makes the alerts of one kind from their limits in `objective`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from source import names, recording
from source.alert import COUNT, CRITICAL, SERVICE, SHARE, WARNING, Alert, AlertText, percent, when
from source.objective import (
    ABSENT,
    ALLOWED,
    ANY,
    FLEET,
    KEEP,
    LIMITS,
    OBJECTIVE,
    PAIRS,
    PERIOD,
    SHORTEST,
    STALL,
    Burn,
    Limit,
    Most,
    seconds,
)
from source.queries import JUDGED, TARGET, Selection, counted, total

__all__ = ("BY_MODEL", "MODEL", "absent", "budget", "fleet", "most", "pair", "stalls", "status", "whenever")

MODEL: Final = when(" ({{ . }})", names.MODEL)
BY_MODEL: Final = (*TARGET, names.MODEL)

_ALL: Final = 0.999
"""The share that is all of them. Shares are quotients of sums, which may differ from 1 in the last digits."""


def _at_least(count: int, window: str, of: str | None = None) -> str:
    return f"round({of or recording.calls(window)} * {seconds(window)}) >= {count}"


def budget(burn: Burn) -> Alert:
    """Fires when the error budget is used too fast in a long and a short window."""
    lasts = seconds(PERIOD) / burn.factor / seconds("1d")

    def burns(window: str) -> str:
        return f"{recording.share(recording.FAILED, window)} > {burn.factor:g} * (1 - {OBJECTIVE})"

    enough = _at_least(burn.calls, burn.long, recording.eligible(recording.calls(burn.long)))
    return Alert(
        "MidstreamErrorBudgetBurn",
        burn.severity,
        f"{burns(burn.long)}\nand {burns(burn.short)}\nand {enough}",
        TARGET,
        AlertText(
            "midstream-budget",
            f"{SERVICE} fails so often that its error budget for {PERIOD} lasts {lasts:.0f} days",
            f"{SHARE} of the calls of {SERVICE} failed in the last {burn.long}, and more than "
            f"{percent(burn.factor * ALLOWED)} in the last {burn.short}. The objective of {percent(OBJECTIVE)} "
            f"allows {percent(ALLOWED)}.",
        ),
        burn.hold,
        KEEP[burn.severity],
        {"long": burn.long, "short": burn.short},
        since=max("6h", burn.long, key=seconds),
    )


def most(name: str, kind: str, limit: Most, text: AlertText) -> Alert:
    """Pages when most calls are of this kind, or with little traffic all of them."""

    def judged(window: str, share: float, calls: int) -> str:
        every = recording.calls(window)
        of = recording.eligible(every) if kind == recording.FAILED else every
        return f"{recording.share(kind, window)} > {share} and {_at_least(calls, window, of)}"

    limits = (
        judged(SHORTEST, limit.share, limit.calls),
        *(judged(window, _ALL, limit.all_of) for window in limit.windows),
    )
    return Alert(name, CRITICAL, "\nor ".join(limits), TARGET, text, keep=KEEP[CRITICAL])


def pair(name: str, kind: str, text: AlertText) -> tuple[Alert, ...]:
    """Opens a ticket for a high share lately, and for a low share over days."""
    return tuple(_share(name, kind, limit, text) for limit in (PAIRS[name].fast, PAIRS[name].slow))


def _share(name: str, kind: str, limit: Limit, text: AlertText) -> Alert:
    windows = {"long": limit.window, "short": str(limit.short)}
    shares = (f"{recording.share(kind, window)} > {limit.share}" for window in windows.values())
    expression = "\nand ".join((*shares, _at_least(limit.calls, limit.window)))
    since = max("6h", limit.window, key=seconds)
    within = _within(limit.window, text)
    return Alert(name, WARNING, expression, TARGET, within, limit.hold, KEEP[WARNING], windows, since)


def status(name: str, code: int, text: AlertText) -> Alert:
    """Opens a ticket for the share of the calls of a model that have this effective status."""
    limit = LIMITS[name]
    part = total(str(Selection(recording.errors(limit.window)).where(names.STATUS, str(code))), *BY_MODEL)
    whole = total(str(Selection(recording.operations(limit.window)).ended(*JUDGED)), *BY_MODEL)
    expression = f"{part}\n/ ({whole} > 0)\n> {limit.share}\nand {_at_least(limit.calls, limit.window, whole)}"
    return Alert(name, WARNING, expression, BY_MODEL, _within(limit.window, text), limit.hold, KEEP[WARNING])


def whenever(name: str, severity: str, selection: Selection, by: tuple[str, ...], text: AlertText) -> Alert:
    """Fires for every occurrence, from the first one on."""
    window = ANY[name]
    by_all = (*TARGET, *by)
    expression = f"{total(counted(selection, window), *by_all)} > 0"
    return Alert(name, severity, expression, by_all, _within(window, text))


def _within(window: str, text: AlertText) -> AlertText:
    return replace(text, description=f"In the last {window}, {text.description}")


def fleet(severity: str, text: AlertText) -> Alert:
    """Fires for each of the services that fail together."""
    models = f"{names.PROVIDER}, {names.MODEL}"
    failing = f"{recording.failing(FLEET.long)} > {FLEET.shares[severity]}"
    if severity == CRITICAL:
        failing = f"({recording.failing(FLEET.short)} > {FLEET.suddenly} or {failing})"
    number = f"count by ({models}) ({failing})"
    called = _at_least(FLEET.failures, FLEET.long, recording.of_models(recording.eligible(recording.calls(FLEET.long))))
    expression = (
        f"{failing}\nand on ({models}) (\n  {number} >= {FLEET.services}\n"
        f"  and {number}\n    >= {FLEET.of_services} * count by ({models}) ({called})\n)"
    )
    return Alert(
        "MidstreamFleetFailure",
        severity,
        expression,
        recording.MODELS,
        text,
        keep=FLEET.keep,
        of=(names.PROVIDER, names.MODEL),
    )


def stalls(text: AlertText) -> Alert:
    """Opens a ticket for the share of streams that wait too long."""
    name = "MidstreamStalls"
    limit = LIMITS[name]

    def seen(selection: Selection) -> str:
        return total(counted(selection, limit.window), *BY_MODEL)

    every = seen(Selection(f"{names.LONGEST_WAIT}_count"))
    in_time = seen(Selection(f"{names.LONGEST_WAIT}_bucket").where("le", str(STALL)))
    expression = f"1 - {in_time}\n/ ({every} >= {limit.calls})\n> {limit.share}"
    return Alert(name, WARNING, expression, BY_MODEL, _within(limit.window, text), limit.hold, KEEP[WARNING])


def absent() -> Alert:
    """Opens a ticket for a service that made calls and has no series left."""
    hour, now = recording.calls("1h"), recording.calls(SHORTEST)
    had_calls = f"sum_over_time({hour}[{ABSENT.window}:1h]) * {seconds('1h')} >= {ABSENT.calls}"
    unbroken = f"count_over_time({now}[{ABSENT.lasting}:{SHORTEST}])"
    points = seconds(ABSENT.lasting) // seconds(SHORTEST)
    lasted = f"max_over_time({unbroken}[{ABSENT.window}:30m]) >= {points}"
    text = AlertText(
        "midstream-outcomes",
        f"{SERVICE} has stopped reporting calls",
        f"{SERVICE} reported about {COUNT} calls in the last {ABSENT.window}, and has had no series for "
        f"{ABSENT.hold}. Until the series return, no other alert of midstream can fire for it. This alert fires until "
        f"they return, or until the last call is {ABSENT.window} old.",
    )
    expression = f"{had_calls}\nand {lasted}\nunless {now}"
    return Alert("MidstreamTelemetryAbsent", WARNING, expression, TARGET, text, ABSENT.hold)
