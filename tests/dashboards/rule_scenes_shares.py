"""For each alert on a share of one kind of failure: when it fires, and when not. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import Scene, call, steady
from dashboards.rule_words import (
    DAY,
    HOUR,
    answered,
    for_days,
    lately,
)
from midstream._outcomes import Outcome

__all__ = ("FIRES", "SILENT")

FIRES = (
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
)

SILENT = (
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
)
