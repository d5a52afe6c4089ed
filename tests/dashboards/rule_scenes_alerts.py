"""For each alert: when it fires, with all that it says, and when it does not. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import API, Fired, Scene, Series, call, failure, selector, steady, waits
from midstream._outcomes import Outcome
from source import names

__all__ = ("FIRES", "SILENT")

BURN = "MidstreamErrorBudgetBurn"
HOUR = 60
BOARD_OF_API = "?from=now-6h&to=now&var-job=api"


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


def told(alert: str, severity: str, board: str, summary: str, description: str, **labels: str) -> Fired:
    of_model = f"&var-model={labels[names.MODEL]}" if names.MODEL in labels else ""
    return Fired(
        {"severity": severity, **API, **labels},
        {
            "summary": summary,
            "description": description,
            "runbook_url": f"runbooks/{alert}.md",
            "dashboard_url": f"/d/{board}{BOARD_OF_API}{of_model}",
        },
    )


FIRES = (
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
    Scene(
        "MidstreamInBandErrors: a quarter of the calls",
        {**answered(3, HOUR), **call(Outcome.IN_BAND_ERROR, steady(1, HOUR))},
        "30m",
        {
            "MidstreamInBandErrors": [
                told(
                    "MidstreamInBandErrors",
                    "warning",
                    "midstream-misreported",
                    "Calls of api fail inside a 200 stream",
                    "In the last 1h, 25% of the calls of api ended with an error event of the API inside an HTTP 200 "
                    "stream. The exception has status 200, so HTTP monitoring counts these calls as successes.",
                )
            ]
        },
    ),
    Scene(
        "MidstreamTruncatedStreams: one stream in 64",
        {**answered(63, HOUR), **call(Outcome.TRUNCATED, steady(1, HOUR))},
        "30m",
        {
            "MidstreamTruncatedStreams": [
                told(
                    "MidstreamTruncatedStreams",
                    "warning",
                    "midstream-outcomes",
                    "Streams of api are truncated without an error",
                    "In the last 1h, 1.562% of the calls of api were streams that ended before their end event. "
                    "Nothing was raised, so incomplete responses look complete.",
                )
            ]
        },
    ),
    Scene(
        "MidstreamMalformedData: one call in 64",
        {**answered(63, HOUR), **call(Outcome.MALFORMED, steady(1, HOUR))},
        "30m",
        {
            "MidstreamMalformedData": [
                told(
                    "MidstreamMalformedData",
                    "warning",
                    "midstream-outcomes",
                    "api receives responses that cannot be decoded",
                    "In the last 1h, 1.562% of the calls of api ended with bytes that could not be decoded: JSON, "
                    "UTF-8, content encoding or frame checksum. `except anthropic.APIError` usually does not catch "
                    "the exception.",
                )
            ]
        },
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
        {
            "MidstreamAccessDenied": [
                told(
                    "MidstreamAccessDenied",
                    "critical",
                    "midstream-outcomes",
                    "The API denies access to api: authentication_error",
                    "In the last 15m, calls of api that ended with authentication_error: 1. Effective status 401, 402 "
                    "or 403, as an HTTP error or inside a 200 stream. A retry does not help; everything else with "
                    "this key or account may fail.",
                    error_type="authentication_error",
                )
            ]
        },
    ),
    Scene(
        "MidstreamLeakedTransportErrors: the very first one",
        failure(Outcome.TRANSPORT_ERROR, "_x10 1x50", "httpx2.ReadError"),
        "30m",
        {
            "MidstreamLeakedTransportErrors": [
                told(
                    "MidstreamLeakedTransportErrors",
                    "warning",
                    "midstream-leaked",
                    "The SDK leaks httpx2.ReadError to api",
                    "In the last 1h, calls of api that ended with a leaked httpx2.ReadError while the response was "
                    "being read: 1. `except anthropic.APIError` does not catch it.",
                    error_type="httpx2.ReadError",
                )
            ]
        },
    ),
    Scene(
        "MidstreamMisreportedStatus: the very first one",
        failure(Outcome.IN_BAND_ERROR, "_x10 1x50", "api_error", 500),
        "30m",
        {
            "MidstreamMisreportedStatus": [
                told(
                    "MidstreamMisreportedStatus",
                    "info",
                    "midstream-misreported",
                    "The SDK reports the wrong status for api_error to api",
                    "In the last 1h, calls of api that ended with api_error while the exception had another status, "
                    "usually 200: 1.",
                    error_type="api_error",
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
        call(Outcome.COMPLETED, f"{steady(4, 30)} stale"),
        "45m",
        {
            "MidstreamTelemetryAbsent": [
                told(
                    "MidstreamTelemetryAbsent",
                    "warning",
                    "midstream-outcomes",
                    "api has stopped reporting calls",
                    "api reported about 122 calls in the last 1h, and has had no series for 10m. Until the series "
                    "return, no other alert of midstream can fire for it. This alert ends at the latest 1h after they "
                    "disappeared.",
                )
            ]
        },
    ),
)

GAP_OF_50_MINUTES = "_x10 1x30 _x50 1x60"

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
        "3m",
        {BURN: []},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: failures that are over, though the last hour still has them",
        {**answered(3, 2 * HOUR), **call(Outcome.HTTP_ERROR, "0+1x60 60x60")},
        "70m",
        samples={'ALERTS{alertname="MidstreamErrorBudgetBurn", long="1h"}': {}},
    ),
    Scene(
        "MidstreamInBandErrors: one call in 64",
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
        {**answered(3, HOUR), **call(Outcome.IN_BAND_ERROR, "0+1x30 30x30")},
        "40m",
        {"MidstreamInBandErrors": []},
    ),
    Scene(
        "MidstreamTruncatedStreams: one stream in 128",
        {**answered(127, HOUR), **call(Outcome.TRUNCATED, steady(1, HOUR))},
        "59m",
        {"MidstreamTruncatedStreams": []},
    ),
    Scene(
        "MidstreamTruncatedStreams: the application closed the streams itself",
        {**answered(1, HOUR), **call(Outcome.ABANDONED, steady(9, HOUR))},
        "59m",
        {"MidstreamTruncatedStreams": []},
    ),
    Scene(
        "MidstreamMalformedData: one call in 128",
        {**answered(127, HOUR), **call(Outcome.MALFORMED, steady(1, HOUR))},
        "59m",
        {"MidstreamMalformedData": []},
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
        "MidstreamAccessDenied: 20 minutes after the first one",
        failure(Outcome.HTTP_ERROR, "_x10 1x60", "authentication_error", 401),
        "30m",
        {"MidstreamAccessDenied": []},
    ),
    Scene(
        "MidstreamAccessDenied: a gap of less than an hour between two scrapes is no second failure",
        failure(Outcome.HTTP_ERROR, GAP_OF_50_MINUTES, "authentication_error", 401),
        "95m",
        {"MidstreamAccessDenied": []},
    ),
    Scene(
        "MidstreamLeakedTransportErrors: the SDK wraps what breaks before the headers",
        failure(Outcome.CONNECTION_ERROR, "_x10 1x50", "httpx2.ReadError"),
        "30m",
        {"MidstreamLeakedTransportErrors": []},
    ),
    Scene(
        "MidstreamLeakedTransportErrors: the SDK wraps what breaks in an answer that is not streamed",
        failure(Outcome.TRANSPORT_ERROR, "_x10 1x50", "httpx2.ReadError", midstream_leaked="false"),
        "30m",
        {"MidstreamLeakedTransportErrors": []},
    ),
    Scene(
        "MidstreamMisreportedStatus: an HTTP error says what it is",
        failure(Outcome.HTTP_ERROR, "_x10 1x50", "api_error", 500),
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
        call(Outcome.COMPLETED, "0+4x30 120x60"),
        "60m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a deploy replaces every process, and the new ones are called",
        {
            **call(Outcome.COMPLETED, f"{steady(4, 30)} stale", instance="old"),
            **call(Outcome.COMPLETED, f"_x36 {steady(4, 30)}", instance="new"),
        },
        "60m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a service that was switched off is forgotten after an hour",
        call(Outcome.COMPLETED, f"{steady(4, 30)} stale"),
        "91m",
        {"MidstreamTelemetryAbsent": []},
    ),
    Scene(
        "MidstreamTelemetryAbsent: a service that was hardly called is not missed",
        call(Outcome.COMPLETED, f"{steady(0.25, 30)} stale"),
        "50m",
        {"MidstreamTelemetryAbsent": []},
    ),
)
