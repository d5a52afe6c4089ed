"""The alerts. The name of each is the name of its page in `runbooks/`; from where on it fires is in `objective`."""

from __future__ import annotations

from typing import Final

from source import names, recording
from source.alert import COUNT, CRITICAL, INFO, SERVICE, SHARE, WARNING, AlertText, percent, when
from source.alert_rules import MODEL, absent, budget, fleet, most, pair, stalls, status, whenever
from source.objective import BURNS, CALLER, DENIAL, FLEET, OUTAGE, SHORTEST, STALL
from source.queries import Selection

__all__ = ("ALERTS",)

_KIND: Final = f"{{{{ $labels.{names.ERROR_TYPE} }}}}"
_COMPONENT: Final = f"{{{{ $labels.{names.COMPONENT} }}}}"
_TOGETHER: Final = f"{when(' with {{ . }}', names.MODEL)}{when(' of {{ . }}', names.PROVIDER)}"
_SUDDENLY: Final = {
    CRITICAL: f", or more than {percent(FLEET.suddenly)} in the last {FLEET.short}",
    WARNING: "",
}
_WRONG: Final = (
    "were refused for what is in them, with effective status 400, 404, 413 or 422, or with a status that no series "
    "names, or failed in the SDK itself. The error budget does not count them. A retry does not help."
)

_ERRORS: Final = Selection(names.ERRORS)
_OPERATIONS: Final = Selection(names.OPERATIONS)

ALERTS: Final = (
    *(
        fleet(
            severity,
            AlertText(
                "midstream-outcomes",
                f"Many services fail together{_TOGETHER}",
                f"{SHARE} of the calls of {SERVICE}{_TOGETHER} fail, and so do those of other services: at least "
                f"{FLEET.services}, and {percent(FLEET.of_services)} of those with calls, have more than "
                f"{percent(share)} in the last {FLEET.long}{_SUDDENLY[severity]}. The cause is probably the provider "
                "or the network that they share.",
            ),
        )
        for severity, share in FLEET.shares.items()
    ),
    most(
        "MidstreamOutage",
        recording.FAILED,
        OUTAGE,
        AlertText(
            "midstream-outcomes",
            f"Calls of {SERVICE} fail: {SHARE}",
            f"{SHARE} of the calls of {SERVICE} fail: more than {percent(OUTAGE.share)} of at least "
            f"{OUTAGE.calls} calls in the last {SHORTEST}, or, with less traffic, each of at least {OUTAGE.all_of} "
            f"calls in up to {OUTAGE.windows[-1]}.",
        ),
    ),
    *map(budget, BURNS),
    *pair(
        "MidstreamInBandErrors",
        recording.IN_BAND,
        AlertText(
            "midstream-misreported",
            f"Calls of {SERVICE} fail inside a 200 stream",
            f"{SHARE} of the calls of {SERVICE} ended with an error event of the API inside an HTTP 200 stream. The "
            "exception has status 200, so HTTP monitoring counts these calls as successes.",
        ),
    ),
    *pair(
        "MidstreamConnectionErrors",
        recording.CONNECTION,
        AlertText(
            "midstream-outcomes",
            f"{SERVICE} cannot reach the API",
            f"{SHARE} of the calls of {SERVICE} had no connection to the API, or lost it before the response, after "
            "all retries of the SDK.",
        ),
    ),
    *pair(
        "MidstreamTransportErrors",
        recording.TRANSPORT,
        AlertText(
            "midstream-leaked",
            f"Connections of {SERVICE} break while responses are being read",
            f"{SHARE} of the calls of {SERVICE} ended with a connection that broke or stalled while the response was "
            "being read. In a stream, the SDK leaks the exception of the HTTP client, and "
            "`except anthropic.APIError` does not catch it.",
        ),
    ),
    *pair(
        "MidstreamTruncatedStreams",
        recording.TRUNCATED,
        AlertText(
            "midstream-outcomes",
            f"Streams of {SERVICE} are truncated without an error",
            f"{SHARE} of the calls of {SERVICE} were streams that ended before their end event. Nothing was raised, "
            "so incomplete responses look complete.",
        ),
    ),
    *pair(
        "MidstreamMalformedData",
        recording.MALFORMED,
        AlertText(
            "midstream-outcomes",
            f"{SERVICE} receives responses that cannot be decoded",
            f"{SHARE} of the calls of {SERVICE} ended with bytes that could not be decoded: JSON, UTF-8, content "
            "encoding or frame checksum. `except anthropic.APIError` usually does not catch the exception.",
        ),
    ),
    most(
        "MidstreamCallerErrors",
        recording.CALLER,
        CALLER,
        AlertText(
            "midstream-outcomes",
            f"Calls of {SERVICE} are wrong: {SHARE}",
            f"{SHARE} of the calls of {SERVICE} {_WRONG}",
        ),
    ),
    *pair(
        "MidstreamCallerErrors",
        recording.CALLER,
        AlertText(
            "midstream-outcomes",
            f"Calls of {SERVICE} are wrong",
            f"{SHARE} of the calls of {SERVICE} {_WRONG}",
        ),
    ),
    status(
        "MidstreamOverloaded",
        529,
        AlertText(
            "midstream-outcomes",
            f"The API is overloaded for {SERVICE}{MODEL}",
            f"{SHARE} of the calls of {SERVICE}{MODEL} ended with status 529: as an HTTP error, after all retries, "
            "or inside a 200 stream, which the SDK does not retry.",
        ),
    ),
    status(
        "MidstreamRateLimited",
        429,
        AlertText(
            "midstream-outcomes",
            f"The API limits the rate of {SERVICE}{MODEL}",
            f"{SHARE} of the calls of {SERVICE}{MODEL} ended with status 429: as an HTTP error, after all retries, "
            "or inside a 200 stream, which the SDK does not retry.",
        ),
    ),
    most(
        "MidstreamAccessDenied",
        recording.DENIED,
        DENIAL,
        AlertText(
            "midstream-outcomes",
            f"The API denies access to {SERVICE}",
            f"{SHARE} of the calls of {SERVICE} end with effective status 401, 402 or 403, as an HTTP error or "
            "inside a 200 stream. A retry does not help; everything else with this key or account may fail.",
        ),
    ),
    whenever(
        "MidstreamAccessDenied",
        WARNING,
        recording.denied(_ERRORS),
        (names.ERROR_TYPE,),
        AlertText(
            "midstream-outcomes",
            f"The API denies access to {SERVICE}: {_KIND}",
            f"calls of {SERVICE} that ended with {_KIND}: {COUNT}. Effective status 401, 402 or 403, as an HTTP "
            "error or inside a 200 stream. A retry does not help; everything else with this key or account may fail.",
        ),
    ),
    whenever(
        "MidstreamMisreportedStatus",
        INFO,
        _OPERATIONS.where(names.MISREPORTED, "true"),
        (),
        AlertText(
            "midstream-misreported",
            f"The SDK reports the wrong status to {SERVICE}",
            f"failed calls of {SERVICE} whose exception had another status, usually 200: {COUNT}.",
        ),
    ),
    stalls(
        AlertText(
            "midstream-outcomes",
            f"Streams of {SERVICE}{MODEL} stall",
            f"{SHARE} of the streams of {SERVICE}{MODEL} waited longer than {STALL} seconds for bytes, whether they "
            "completed or not.",
        )
    ),
    whenever(
        "MidstreamTelemetryErrors",
        WARNING,
        Selection(names.TELEMETRY_ERRORS),
        (names.COMPONENT,),
        AlertText(
            "midstream-outcomes",
            f"midstream caught internal errors in {SERVICE}",
            f"internal errors of midstream in {SERVICE}, component {_COMPONENT}: {COUNT}. The application is not "
            "affected; the telemetry of these calls may be incomplete.",
        ),
    ),
    absent(),
)
"""Every alert, in reading order."""
