"""The texts of firing alerts, for scenes of promtool."""

from __future__ import annotations

from dashboards.promtool import API, Fired, Series, call, steady
from midstream._outcomes import Outcome
from source import names
from source.objective import PAIRS

__all__ = (
    "BURN",
    "CALLER",
    "DAY",
    "FAST",
    "FLEET",
    "HOUR",
    "SLOWER",
    "absent",
    "answered",
    "burnt",
    "denials",
    "denied",
    "fleet",
    "for_days",
    "lately",
    "outage",
    "refusals",
    "refused",
    "told",
)

BURN = "MidstreamErrorBudgetBurn"
FLEET = "MidstreamFleetFailure"
CALLER = "MidstreamCallerErrors"
VARIABLES = {names.MODEL: "model", "namespace": "namespace"}
OUTCOMES = {
    "MidstreamInBandErrors": "in_band_error",
    "MidstreamConnectionErrors": "connection_error",
    "MidstreamTransportErrors": "transport_error",
    "MidstreamTruncatedStreams": "truncated",
    "MidstreamMalformedData": "malformed",
    "MidstreamMisreportedStatus": "in_band_error",
}
HOUR = 60
DAY = 24 * HOUR


def answered(a_minute: float, minutes: int) -> Series:
    return call(Outcome.COMPLETED, steady(a_minute, minutes))


def links(alert: str, board: str, since: str, chosen: str, kind: str = "") -> dict[str, str]:
    time, outcome = f"from=now-{since}&to=now", OUTCOMES.get(alert)
    ended = f"&var-outcome={outcome}" if outcome else ""
    return {
        "dashboard_url": f"/d/{board}?{time}{chosen}",
        "calls_url": f"/d/midstream-calls?{time}{chosen}{kind}{ended}",
    }


def burnt(severity: str, long: str, short: str, days: int, allowed: str, failed: str = "25%") -> Fired:
    since = long if long.endswith("d") else "6h"
    return Fired(
        {"severity": severity, "long": long, "short": short, **API},
        {
            "summary": f"api fails so often that its error budget for 30d lasts {days} days",
            "description": f"{failed} of the calls of api failed in the last {long}, and more than {allowed} in the "
            f"last {short}. The objective of 99% allows 1%.",
            "runbook_url": "runbooks/MidstreamErrorBudgetBurn.md",
            **links(BURN, "midstream-budget", since, "&var-job=api"),
        },
    )


FAST = burnt("critical", "1h", "5m", 2, "14.4%")
SLOWER = burnt("critical", "6h", "30m", 5, "6%")


def told(
    alert: str, severity: str, board: str, summary: str, description: str, since: str = "6h", **labels: str
) -> Fired:
    filters = "".join(f"&var-{VARIABLES[label]}={value}" for label, value in labels.items() if label in VARIABLES)
    kind = f"&var-error_type={labels[names.ERROR_TYPE]}" if names.ERROR_TYPE in labels else ""
    return Fired(
        {"severity": severity, **API, **labels},
        {
            "summary": summary,
            "description": description,
            "runbook_url": f"runbooks/{alert}.md",
            **links(alert, board, since, f"&var-job=api{filters}", kind),
        },
    )


def lately(alert: str, board: str, summary: str, description: str) -> Fired:
    fast = PAIRS[alert].fast
    said = f"In the last {fast.window}, {description}"
    return told(alert, "warning", board, summary, said, long=fast.window, short=str(fast.short))


def for_days(alert: str, board: str, summary: str, description: str) -> Fired:
    said = f"In the last 1d, {description}"
    return told(alert, "warning", board, summary, said, since="1d", long="1d", short="6h")


def outage(share: str, **labels: str) -> Fired:
    service = "api" + "".join(f" in {value}" for value in labels.values())
    return told(
        "MidstreamOutage",
        "critical",
        "midstream-outcomes",
        f"Calls of {service} fail: {share}",
        f"{share} of the calls of {service} fail: more than 50% of at least 20 calls in the last 5m, or, with less "
        "traffic, each of at least 5 calls in up to 6h.",
        **labels,
    )


def fleet(service: str, severity: str, share: str, limit: str) -> Fired:
    return Fired(
        {"severity": severity, "job": service, names.PROVIDER: "anthropic", names.MODEL: "claude"},
        {
            "summary": "Many services fail together with claude of anthropic",
            "description": f"{share} of the calls of {service} with claude of anthropic fail, and so do those of other "
            f"services: at least 3, and 50% of those with calls, have more than {limit}. The cause is probably the "
            "provider or the network that they share.",
            "runbook_url": "runbooks/MidstreamFleetFailure.md",
            **links(FLEET, "midstream-outcomes", "6h", "&var-provider=anthropic&var-model=claude"),
        },
    )


WRONG = (
    "were refused for what is in them, with effective status 400, 404, 413 or 422, or with a status that no series "
    "names, or failed in the SDK itself. The error budget does not count them. A retry does not help."
)


def refusals(share: str) -> Fired:
    said = f"{share} of the calls of api {WRONG}"
    return told(CALLER, "critical", "midstream-outcomes", f"Calls of api are wrong: {share}", said)


def refused(share: str) -> Fired:
    return lately(CALLER, "midstream-outcomes", "Calls of api are wrong", f"{share} of the calls of api {WRONG}")


def denials(share: str) -> Fired:
    return told(
        "MidstreamAccessDenied",
        "critical",
        "midstream-outcomes",
        "The API denies access to api",
        f"{share} of the calls of api end with effective status 401, 402 or 403, as an HTTP error or inside a 200 "
        "stream. A retry does not help; everything else with this key or account may fail.",
    )


def denied(count: int) -> Fired:
    return told(
        "MidstreamAccessDenied",
        "warning",
        "midstream-outcomes",
        "The API denies access to api: authentication_error",
        f"In the last 1h, calls of api that ended with authentication_error: {count}. Effective status 401, 402 or "
        "403, as an HTTP error or inside a 200 stream. A retry does not help; everything else with this key or account "
        "may fail.",
        error_type="authentication_error",
    )


def absent(calls: int) -> Fired:
    return told(
        "MidstreamTelemetryAbsent",
        "warning",
        "midstream-outcomes",
        "api has stopped reporting calls",
        f"api reported about {calls} calls in the last 7d, and has had no series for 10m. Until the series return, no "
        "other alert of midstream can fire for it. This alert fires until they return, or until the last call is 7d "
        "old.",
    )
