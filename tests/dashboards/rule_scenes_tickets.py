"""For each other alert that opens a ticket: when it fires, with its texts, and when not. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import API, Scene, call, failure, selector, steady, waits
from dashboards.rule_words import (
    HOUR,
    absent,
    answered,
    told,
)
from midstream._outcomes import Outcome
from source import names

__all__ = ("FIRES", "SILENT")

FIRES = (
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

SILENT = (
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
