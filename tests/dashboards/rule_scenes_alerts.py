"""For each alert: when it fires, with all that it says, and when it does not. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import API, Fired, Scene, Series, call, failure, selector, steady, waits
from midstream._outcomes import Outcome
from source import names
from source.objective import PAIRS

__all__ = ("FIRES", "SILENT")

BURN = "MidstreamErrorBudgetBurn"
HOUR = 60
DAY = 24 * HOUR


def answered(a_minute: float, minutes: int) -> Series:
    return call(Outcome.COMPLETED, steady(a_minute, minutes))


def burnt(severity: str, long: str, short: str, days: int, allowed: str, failed: str = "25%") -> Fired:
    since = long if long.endswith("d") else "6h"
    return Fired(
        {"severity": severity, "long": long, "short": short, **API},
        {
            "summary": f"api fails so often that its error budget for 30d lasts {days} days",
            "description": f"{failed} of the calls of api failed in the last {long}, and more than {allowed} in the "
            f"last {short}. The objective of 99% allows 1%.",
            "runbook_url": "runbooks/MidstreamErrorBudgetBurn.md",
            "dashboard_url": f"/d/midstream-budget?from=now-{since}&to=now&var-job=api",
        },
    )


FAST = burnt("critical", "1h", "5m", 2, "14.4%")
SLOWER = burnt("critical", "6h", "30m", 5, "6%")


def told(
    alert: str, severity: str, board: str, summary: str, description: str, since: str = "6h", **labels: str
) -> Fired:
    of_model = f"&var-model={labels[names.MODEL]}" if names.MODEL in labels else ""
    return Fired(
        {"severity": severity, **API, **labels},
        {
            "summary": summary,
            "description": description,
            "runbook_url": f"runbooks/{alert}.md",
            "dashboard_url": f"/d/{board}?from=now-{since}&to=now&var-job=api{of_model}",
        },
    )


def lately(alert: str, board: str, summary: str, description: str) -> Fired:
    fast = PAIRS[alert].fast
    said = f"In the last {fast.window}, {description}"
    return told(alert, "warning", board, summary, said, long=fast.window, short=str(fast.short))


def for_days(alert: str, board: str, summary: str, description: str) -> Fired:
    said = f"In the last 1d, {description}"
    return told(alert, "warning", board, summary, said, since="1d", long="1d", short="6h")


def outage(share: str) -> Fired:
    return told(
        "MidstreamOutage",
        "critical",
        "midstream-outcomes",
        f"Calls of api fail: {share}",
        f"{share} of the calls of api fail: more than 50% of at least 20 calls in the last 5m, or, with less traffic, "
        "each of at least 5 calls in up to 6h.",
    )


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


DENIED_ONCE = denied(1)

FIRES = (
    *(
        Scene(
            f"MidstreamOutage: {outcome.value} is all there is, for 5 minutes of an hour",
            {**call(Outcome.COMPLETED, "0+64x60 3840x10"), **call(outcome, "0x60 64+64x10")},
            "65m",
            {"MidstreamOutage": [outage("100%")]},
        )
        for outcome in (Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR, Outcome.IN_BAND_ERROR)
    ),
    Scene(
        "MidstreamOutage: 15 calls in 16 fail, for 5 minutes of an hour",
        {**call(Outcome.COMPLETED, "0+64x60 3844+4x10"), **call(Outcome.CONNECTION_ERROR, "0x60 60+60x10")},
        "65m",
        {"MidstreamOutage": [outage("93.75%")]},
    ),
    Scene(
        "MidstreamOutage: a call every 10 minutes, and none succeeds any more",
        {
            **call(Outcome.COMPLETED, " ".join(f"{n}x9" for n in range(7)) + " 6x70"),
            **call(Outcome.HTTP_ERROR, "0x69 " + " ".join(f"{n}x9" for n in range(1, 8))),
        },
        "131m",
        {"MidstreamOutage": [outage("100%")]},
    ),
    Scene(
        "MidstreamOutage: the first five calls of all fail, each in a process that exports once",
        {
            name: values
            for minute in range(5)
            for name, values in call(Outcome.CONNECTION_ERROR, f"_x{minute} 1 stale", instance=f"i{minute}").items()
        },
        "4m",
        {"MidstreamOutage": [outage("100%")]},
    ),
    Scene(
        "MidstreamOutage: fires for 10 minutes after it has ended",
        {**call(Outcome.COMPLETED, "0x60 60+60x60"), **call(Outcome.HTTP_ERROR, "0+60x60 3600x60")},
        "71m",
        samples={'count(ALERTS{alertname="MidstreamOutage", alertstate="firing"})': {"{}": 1}},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: a burst is told by the short windows, after 2 and after 15 minutes",
        {**answered(3, HOUR), **call(Outcome.HTTP_ERROR, steady(1, HOUR))},
        "30m",
        {BURN: [FAST, SLOWER]},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: 25 % failures for hours are told by all four",
        {**answered(3, 5 * HOUR), **call(Outcome.HTTP_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: [FAST, SLOWER, burnt("warning", "1d", "2h", 10, "3%"), burnt("warning", "3d", "6h", 30, "1%")]},
        every="5m",
    ),
    Scene(
        "MidstreamErrorBudgetBurn: 1/64 failures for hours are told by the longest only",
        {**answered(63, 5 * HOUR), **call(Outcome.HTTP_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: [burnt("warning", "3d", "6h", 30, "1%", "1.562%")]},
        every="5m",
    ),
    *(
        scene
        for alert, outcome, board, summary, description in (
            (
                "MidstreamInBandErrors",
                Outcome.IN_BAND_ERROR,
                "midstream-misreported",
                "Calls of api fail inside a 200 stream",
                (
                    "{} of the calls of api ended with an error event of the API inside an HTTP 200 stream. The "
                    "exception has status 200, so HTTP monitoring counts these calls as successes."
                ),
            ),
            (
                "MidstreamConnectionErrors",
                Outcome.CONNECTION_ERROR,
                "midstream-outcomes",
                "api cannot reach the API",
                (
                    "{} of the calls of api had no connection to the API, or lost it before the response, after all "
                    "retries of the SDK."
                ),
            ),
            (
                "MidstreamTransportErrors",
                Outcome.TRANSPORT_ERROR,
                "midstream-leaked",
                "Connections of api break while responses are being read",
                (
                    "{} of the calls of api ended with a connection that broke or stalled while the response was being "
                    "read. In a stream, the SDK leaks the exception of the HTTP client, and "
                    "`except anthropic.APIError` does not catch it."
                ),
            ),
            (
                "MidstreamTruncatedStreams",
                Outcome.TRUNCATED,
                "midstream-outcomes",
                "Streams of api are truncated without an error",
                (
                    "{} of the calls of api were streams that ended before their end event. Nothing was raised, so "
                    "incomplete responses look complete."
                ),
            ),
            (
                "MidstreamMalformedData",
                Outcome.MALFORMED,
                "midstream-outcomes",
                "api receives responses that cannot be decoded",
                (
                    "{} of the calls of api ended with bytes that could not be decoded: JSON, UTF-8, content encoding "
                    "or frame checksum. `except anthropic.APIError` usually does not catch the exception."
                ),
            ),
        )
        for scene in (
            Scene(
                f"{alert}: one call in 32",
                {**answered(31, HOUR), **call(outcome, steady(1, HOUR))},
                "30m",
                {alert: [lately(alert, board, summary, description.format("3.125%"))]},
            ),
            Scene(
                f"{alert}: one call in 128, for a day",
                {**answered(127, DAY), **call(outcome, steady(1, DAY))},
                "23h",
                {alert: [for_days(alert, board, summary, description.format("0.7812%"))]},
                every="5m",
            ),
        )
    ),
    Scene(
        "MidstreamInBandErrors: one call in 20, for 10 minutes",
        {**call(Outcome.COMPLETED, "0+60x30 1800+57x15"), **call(Outcome.IN_BAND_ERROR, "0x30 3+3x15")},
        "40m",
        samples={'count(ALERTS{alertname="MidstreamInBandErrors", alertstate="firing"})': {"{}": 1}},
    ),
    Scene(
        "MidstreamOverloaded: a quarter of the calls, half of them with HTTP 529 and half inside a 200 stream",
        {
            **answered(6, HOUR),
            **call(Outcome.HTTP_ERROR, steady(1, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(1, HOUR), "overloaded_error", 529),
            **call(Outcome.IN_BAND_ERROR, steady(1, HOUR)),
            **failure(Outcome.IN_BAND_ERROR, steady(1, HOUR), "overloaded_error", 529),
        },
        "30m",
        {
            "MidstreamOverloaded": [
                told(
                    "MidstreamOverloaded",
                    "warning",
                    "midstream-outcomes",
                    "The API is overloaded for api (claude)",
                    "In the last 15m, 25% of the calls of api (claude) ended with status 529: as an HTTP error, after "
                    "all retries, or inside a 200 stream, which the SDK does not retry.",
                    gen_ai_request_model="claude",
                )
            ]
        },
    ),
    Scene(
        "MidstreamRateLimited: a quarter of the calls",
        {
            **answered(3, HOUR),
            **call(Outcome.HTTP_ERROR, steady(1, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(1, HOUR), "rate_limit_error", 429),
        },
        "30m",
        {
            "MidstreamRateLimited": [
                told(
                    "MidstreamRateLimited",
                    "warning",
                    "midstream-outcomes",
                    "The API limits the rate of api (claude)",
                    "In the last 15m, 25% of the calls of api (claude) ended with status 429: as an HTTP error, after "
                    "all retries, or inside a 200 stream, which the SDK does not retry.",
                    gen_ai_request_model="claude",
                )
            ]
        },
    ),
    Scene(
        "MidstreamAccessDenied: the very first one, in the minute in which its series is born",
        failure(Outcome.HTTP_ERROR, "_x10 1", "authentication_error", 401),
        "10m",
        {"MidstreamAccessDenied": [DENIED_ONCE]},
    ),
    Scene(
        "MidstreamAccessDenied: an eighth of the calls",
        {
            **answered(56, HOUR),
            **call(Outcome.HTTP_ERROR, steady(8, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(8, HOUR), "authentication_error", 401),
        },
        "30m",
        {"MidstreamAccessDenied": [denials("12.5%"), denied(240)]},
    ),
    Scene(
        "MidstreamAccessDenied: each of five calls in an hour",
        {
            **call(Outcome.COMPLETED, "0x60"),
            **call(Outcome.HTTP_ERROR, "0x10 1x9 2x9 3x9 4x9 5x20"),
            **failure(Outcome.HTTP_ERROR, "_x10 1x9 2x9 3x9 4x9 5x20", "authentication_error", 401),
        },
        "59m",
        {"MidstreamAccessDenied": [denials("100%"), denied(5)]},
    ),
    Scene(
        "MidstreamMisreportedStatus: the very first one",
        call(Outcome.IN_BAND_ERROR, "0x10 1x50"),
        "30m",
        {
            "MidstreamMisreportedStatus": [
                told(
                    "MidstreamMisreportedStatus",
                    "info",
                    "midstream-misreported",
                    "The SDK reports the wrong status to api",
                    "In the last 1h, failed calls of api whose exception had another status, usually 200: 1.",
                )
            ]
        },
    ),
    Scene(
        "MidstreamStalls: a quarter of the streams",
        waits(steady(3, HOUR), steady(4, HOUR)),
        "30m",
        {
            "MidstreamStalls": [
                told(
                    "MidstreamStalls",
                    "warning",
                    "midstream-outcomes",
                    "Streams of api (claude) stall",
                    "In the last 30m, 25% of the streams of api (claude) waited longer than 20.48 seconds for bytes, "
                    "whether they completed or not.",
                    gen_ai_request_model="claude",
                )
            ]
        },
    ),
    Scene(
        "MidstreamTelemetryErrors: the very first one",
        {selector(names.TELEMETRY_ERRORS, {**API, names.COMPONENT: "spans"}): "_x10 1x50"},
        "30m",
        {
            "MidstreamTelemetryErrors": [
                told(
                    "MidstreamTelemetryErrors",
                    "warning",
                    "midstream-outcomes",
                    "midstream caught internal errors in api",
                    "In the last 1h, internal errors of midstream in api, component spans: 1. The application is not "
                    "affected; the telemetry of these calls may be incomplete.",
                    midstream_component="spans",
                )
            ]
        },
    ),
    Scene(
        "MidstreamTelemetryAbsent: a busy service that has gone",
        call(Outcome.COMPLETED, f"{steady(4, 120)} stale"),
        "140m",
        {"MidstreamTelemetryAbsent": [absent(476)]},
    ),
    Scene(
        "MidstreamTelemetryAbsent: it has been gone for days",
        call(Outcome.COMPLETED, f"{steady(4, 120)} stale"),
        "5d",
        samples={'count(ALERTS{alertname="MidstreamTelemetryAbsent", alertstate="firing"})': {"{}": 1}},
        every="5m",
    ),
)

GAP_OF_50_MINUTES = "_x10 1x60 _x50 1x60"

SILENT = (
    Scene(
        "MidstreamErrorBudgetBurn: 1/128 failures are within the objective",
        {**answered(127, 5 * HOUR), **call(Outcome.HTTP_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: []},
        every="5m",
    ),
    Scene(
        "MidstreamErrorBudgetBurn: every call failed, but there were only 19",
        call(Outcome.HTTP_ERROR, "0 5 10 15 19x300"),
        "4m",
        {BURN: []},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: failures that are over, though the last hour still has them",
        {**answered(3, 2 * HOUR), **call(Outcome.HTTP_ERROR, "0+1x60 60x60")},
        "80m",
        samples={'ALERTS{alertname="MidstreamErrorBudgetBurn", long="1h"}': {}},
    ),
    *(
        Scene(
            f"{alert}: one call in 512, for a day",
            {**answered(511, DAY), **call(outcome, steady(1, DAY))},
            "23h",
            {alert: []},
            every="5m",
        )
        for alert, outcome in (
            ("MidstreamInBandErrors", Outcome.IN_BAND_ERROR),
            ("MidstreamConnectionErrors", Outcome.CONNECTION_ERROR),
            ("MidstreamTransportErrors", Outcome.TRANSPORT_ERROR),
            ("MidstreamTruncatedStreams", Outcome.TRUNCATED),
            ("MidstreamMalformedData", Outcome.MALFORMED),
        )
    ),
    Scene(
        "MidstreamTransportErrors: one an hour among 3,600 calls",
        {
            **answered(60, DAY),
            **call(Outcome.TRANSPORT_ERROR, "0x30 " + " ".join(f"{n}x59" for n in range(1, 24))),
        },
        "23h",
        {"MidstreamTransportErrors": []},
        every="5m",
    ),
    Scene(
        "MidstreamInBandErrors: one call in 64 is not enough for a quarter of an hour",
        {**answered(63, HOUR), **call(Outcome.IN_BAND_ERROR, steady(1, HOUR))},
        "59m",
        {"MidstreamInBandErrors": []},
    ),
    Scene(
        "MidstreamInBandErrors: too few calls to judge",
        {**answered(0.125, HOUR), **call(Outcome.IN_BAND_ERROR, steady(0.125, HOUR))},
        "59m",
        {"MidstreamInBandErrors": []},
    ),
    Scene(
        "MidstreamInBandErrors: they are over",
        {**answered(60, HOUR), **call(Outcome.IN_BAND_ERROR, "0+3x30 90x40")},
        "55m",
        {"MidstreamInBandErrors": []},
    ),
    Scene(
        "MidstreamTruncatedStreams: the application closed the streams itself",
        {**answered(1, HOUR), **call(Outcome.ABANDONED, steady(90, HOUR))},
        "59m",
        {"MidstreamTruncatedStreams": []},
    ),
    Scene(
        "MidstreamOutage: half of the calls fail",
        {**answered(8, HOUR), **call(Outcome.HTTP_ERROR, steady(8, HOUR))},
        "59m",
        {"MidstreamOutage": []},
    ),
    Scene(
        "MidstreamOutage: the first four calls fail",
        call(Outcome.HTTP_ERROR, "_x10 4x40"),
        "50m",
        {"MidstreamOutage": []},
    ),
    Scene(
        "MidstreamOutage: a call succeeds now and then",
        {
            **call(Outcome.COMPLETED, "0x9 1x49"),
            **call(Outcome.HTTP_ERROR, " ".join(f"{n}x9" for n in range(6))),
        },
        "59m",
        {"MidstreamOutage": []},
    ),
    Scene(
        "MidstreamOverloaded: one call in 32",
        {
            **answered(31, HOUR),
            **call(Outcome.HTTP_ERROR, steady(1, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(1, HOUR), "overloaded_error", 529),
        },
        "59m",
        {"MidstreamOverloaded": []},
    ),
    Scene(
        "MidstreamOverloaded: another model is",
        {
            **call(Outcome.COMPLETED, steady(4, HOUR), gen_ai_request_model="claude"),
            **call(Outcome.HTTP_ERROR, steady(0.25, HOUR), gen_ai_request_model="other"),
            **failure(Outcome.HTTP_ERROR, steady(0.25, HOUR), "overloaded_error", 529, gen_ai_request_model="other"),
        },
        "59m",
        {"MidstreamOverloaded": []},
    ),
    Scene(
        "MidstreamRateLimited: one call in 32",
        {
            **answered(31, HOUR),
            **call(Outcome.HTTP_ERROR, steady(1, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(1, HOUR), "rate_limit_error", 429),
        },
        "59m",
        {"MidstreamRateLimited": []},
    ),
    Scene(
        "MidstreamAccessDenied: an hour after the last one",
        failure(Outcome.HTTP_ERROR, "_x10 1x90", "authentication_error", 401),
        "75m",
        {"MidstreamAccessDenied": []},
    ),
    Scene(
        "MidstreamAccessDenied: a single one pages nobody",
        {
            **answered(60, HOUR),
            **call(Outcome.HTTP_ERROR, "0x10 1x50"),
            **failure(Outcome.HTTP_ERROR, "_x10 1x50", "authentication_error", 401),
        },
        "30m",
        {"MidstreamAccessDenied": [DENIED_ONCE]},
    ),
    Scene(
        "MidstreamAccessDenied: a gap of less than an hour between two scrapes is no second failure",
        failure(Outcome.HTTP_ERROR, GAP_OF_50_MINUTES, "authentication_error", 401),
        "145m",
        {"MidstreamAccessDenied": []},
    ),
    Scene(
        "MidstreamMisreportedStatus: an HTTP error says what it is",
        call(Outcome.HTTP_ERROR, "0x10 1x50"),
        "30m",
        {"MidstreamMisreportedStatus": []},
    ),
    Scene(
        "MidstreamStalls: one stream in 32",
        waits(steady(31, HOUR), steady(32, HOUR)),
        "59m",
        {"MidstreamStalls": []},
    ),
    Scene(
        "MidstreamStalls: too few streams to judge",
        waits(steady(0, HOUR), steady(0.5, HOUR)),
        "59m",
        {"MidstreamStalls": []},
    ),
    Scene(
        "MidstreamTelemetryErrors: an hour after the last one",
        {selector(names.TELEMETRY_ERRORS, {**API, names.COMPONENT: "spans"}): "_x10 1x90"},
        "80m",
        {"MidstreamTelemetryErrors": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a service that is idle still has its series",
        call(Outcome.COMPLETED, "0+4x120 480x60"),
        "175m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a deploy replaces every process, and the new ones are called",
        {
            **call(Outcome.COMPLETED, f"{steady(4, 120)} stale", instance="old"),
            **call(Outcome.COMPLETED, f"_x126 {steady(4, 60)}", instance="new"),
        },
        "160m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a process every half hour, for a few minutes",
        {
            name: values
            for run in range(12)
            for name, values in call(Outcome.COMPLETED, f"_x{30 * run} 60+60x4 stale", instance=f"i{run}").items()
        },
        "358m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a service that was switched off is forgotten after a week",
        call(Outcome.COMPLETED, f"{steady(4, 120)} stale"),
        "7d3h",
        {"MidstreamTelemetryAbsent": []},
        every="5m",
    ),
    Scene(
        "MidstreamTelemetryAbsent: a service that was hardly called is not missed",
        call(Outcome.COMPLETED, f"{steady(0.125, 120)} stale"),
        "140m",
        {"MidstreamTelemetryAbsent": []},
    ),
)
