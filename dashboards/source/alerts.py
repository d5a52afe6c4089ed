"""The alerts. Each has a runbook with its name in `runbooks/`; `objective` has the limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import indent
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names, recording
from source.objective import ABSENT, ANY, BURNS, LIMITS, OBJECTIVE, PERIOD, STALL
from source.queries import JUDGED, TARGET, Selection, any_of, counted, total
from source.recording import seconds
from source.variables import CHOICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from source.objective import Burn

__all__ = ("ALERTS", "CRITICAL", "INFO", "WARNING", "Alert", "AlertText")

CRITICAL: Final = "critical"
"""Pages the engineer on call."""
WARNING: Final = "warning"
"""Opens a ticket."""
INFO: Final = "info"
"""Is for information."""

_SERVICE: Final = '{{ or $labels.service_name $labels.job "a service without a name" }}'
_SHARE: Final = "{{ $value | humanizePercentage }}"
_COUNT: Final = '{{ printf "%.0f" $value }}'
_MODEL: Final = f"{{{{ with $labels.{names.MODEL} }}}} ({{{{ . }}}}){{{{ end }}}}"
_KIND: Final = f"{{{{ $labels.{names.ERROR_TYPE} }}}}"
_COMPONENT: Final = f"{{{{ $labels.{names.COMPONENT} }}}}"

_BY_MODEL: Final = (*TARGET, names.MODEL)
_DENIED: Final = (401, 402, 403)
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


def _block(expression: str) -> str:
    return f"\n{indent(expression, '  ')}\n"


def _counted(selection: Selection, window: str, *by: str) -> str:
    newborn, _, grown = counted(selection, window).partition(" or ")
    newborn = newborn.removeprefix("(").removesuffix(")").replace(" unless ", "\nunless ")
    return total(_block(f"({_block(newborn)})\nor {grown}"), *by)


def _at_least(count: int, window: str) -> str:
    return f"{recording.calls(window)} * {seconds(window)} >= {count}"


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
        {"long": burn.long, "short": burn.short},
        since=max("6h", burn.long, key=seconds),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def _share(name: str, kind: str, text: AlertText) -> Alert:
    """An alert on a recorded share of all calls."""
    limit = LIMITS[name]
    shares = (f"{recording.share(kind, window)} > {limit.share}" for window in (limit.window, limit.short) if window)
    expression = "\nand ".join((*shares, _at_least(limit.calls, limit.window)))
    return Alert(name, WARNING, expression, TARGET, _within(limit.window, text), limit.hold)


def _status(name: str, status: int, text: AlertText) -> Alert:
    """An alert on the share of the calls of a model that have this effective status."""
    limit = LIMITS[name]
    part = _counted(Selection(names.ERRORS).where(names.STATUS, str(status)), limit.window, *_BY_MODEL)
    whole = _counted(Selection(names.OPERATIONS).ended(*JUDGED), limit.window, *_BY_MODEL)
    expression = f"{part}\n/ ({_block(f'{whole} >= {limit.calls}')})\n> {limit.share}"
    return Alert(name, WARNING, expression, _BY_MODEL, _within(limit.window, text), limit.hold)


def _any(name: str, severity: str, errors: Selection, by: str, text: AlertText) -> Alert:
    """An alert on every failure, from the first one on."""
    window = ANY[name]
    by_all = (*TARGET, by)
    return Alert(name, severity, f"{_counted(errors, window, *by_all)} > 0", by_all, _within(window, text))


def _within(window: str, text: AlertText) -> AlertText:
    return replace(text, description=f"In the last {window}, {text.description}")


def _stalls() -> Alert:
    name = "MidstreamStalls"
    limit = LIMITS[name]

    def seen(selection: Selection) -> str:
        return total(f"increase({selection}[{limit.window}])", *_BY_MODEL)

    every = seen(Selection(f"{names.LONGEST_WAIT}_count"))
    in_time = seen(Selection(f"{names.LONGEST_WAIT}_bucket").where("le", str(STALL)))
    late = _block(f"{every}\n- {in_time}")
    text = AlertText(
        "midstream-outcomes",
        f"Streams of {_SERVICE}{_MODEL} stall",
        f"{_SHARE} of the streams of {_SERVICE}{_MODEL} waited longer than {STALL} seconds for bytes, whether they "
        "completed or not.",
    )
    expression = f"({late})\n/ ({every} >= {limit.calls})\n> {limit.share}"
    return Alert(name, WARNING, expression, _BY_MODEL, _within(limit.window, text), limit.hold)


def _absent() -> Alert:
    operations = Selection(names.OPERATIONS)
    before = total(f"increase({operations}[{ABSENT.window}])", *TARGET)
    now = total(str(operations), *TARGET)
    text = AlertText(
        "midstream-outcomes",
        f"{_SERVICE} has stopped reporting calls",
        f"{_SERVICE} reported about {_COUNT} calls in the last {ABSENT.window}, and has had no series for "
        f"{ABSENT.hold}. Until the series return, no other alert of midstream can fire for it. This alert ends at the "
        f"latest {ABSENT.window} after they disappeared.",
    )
    expression = f"{before} >= {ABSENT.calls}\nunless {now}"
    return Alert("MidstreamTelemetryAbsent", WARNING, expression, TARGET, text, ABSENT.hold)


_ERRORS: Final = Selection(names.ERRORS)

ALERTS: Final = (
    *map(_budget, BURNS),
    _share(
        "MidstreamInBandErrors",
        recording.IN_BAND,
        AlertText(
            "midstream-misreported",
            f"Calls of {_SERVICE} fail inside a 200 stream",
            f"{_SHARE} of the calls of {_SERVICE} ended with an error event of the API inside an HTTP 200 stream. The "
            "exception has status 200, so HTTP monitoring counts these calls as successes.",
        ),
    ),
    _share(
        "MidstreamTruncatedStreams",
        recording.TRUNCATED,
        AlertText(
            "midstream-outcomes",
            f"Streams of {_SERVICE} are truncated without an error",
            f"{_SHARE} of the calls of {_SERVICE} were streams that ended before their end event. Nothing was raised, "
            "so incomplete responses look complete.",
        ),
    ),
    _share(
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
    _any(
        "MidstreamAccessDenied",
        CRITICAL,
        _ERRORS.where(names.STATUS, any_of(_DENIED), "=~"),
        names.ERROR_TYPE,
        AlertText(
            "midstream-outcomes",
            f"The API denies access to {_SERVICE}: {_KIND}",
            f"calls of {_SERVICE} that ended with {_KIND}: {_COUNT}. Effective status 401, 402 or 403, as an HTTP "
            "error or inside a 200 stream. A retry does not help; everything else with this key or account may fail.",
        ),
    ),
    _any(
        "MidstreamLeakedTransportErrors",
        WARNING,
        _ERRORS.ended(Outcome.TRANSPORT_ERROR).where(names.LEAKED, "true"),
        names.ERROR_TYPE,
        AlertText(
            "midstream-leaked",
            f"The SDK leaks {_KIND} to {_SERVICE}",
            f"calls of {_SERVICE} that ended with a leaked {_KIND} while the response was being read: {_COUNT}. "
            "`except anthropic.APIError` does not catch it.",
        ),
    ),
    _any(
        "MidstreamMisreportedStatus",
        INFO,
        _ERRORS.where(names.MISREPORTED, "true"),
        names.ERROR_TYPE,
        AlertText(
            "midstream-misreported",
            f"The SDK reports the wrong status for {_KIND} to {_SERVICE}",
            f"calls of {_SERVICE} that ended with {_KIND} while the exception had another status, usually 200: "
            f"{_COUNT}.",
        ),
    ),
    _stalls(),
    _any(
        "MidstreamTelemetryErrors",
        WARNING,
        Selection(names.TELEMETRY_ERRORS),
        names.COMPONENT,
        AlertText(
            "midstream-outcomes",
            f"midstream caught internal errors in {_SERVICE}",
            f"internal errors of midstream in {_SERVICE}, component {_COMPONENT}: {_COUNT}. The application is not "
            "affected; the telemetry of these calls may be incomplete.",
        ),
    ),
    _absent(),
)
"""Every alert, in reading order. The four alerts on the error budget have the same name."""
