"""Which alerts fire when calls fail in one way only. Scenes for promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.promtool import API, Scene, Series, call, failure, selector, steady, waits
from midstream._outcomes import Outcome
from source import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("ALONE", "BURN", "FIRING", "HOUR", "alerts", "service", "with_labels")

BURN = "MidstreamErrorBudgetBurn"
CALLER = "MidstreamCallerErrors"
IN_BAND = "MidstreamInBandErrors"
MISREPORTED = "MidstreamMisreportedStatus"
FIRING = 'group by (alertname) (ALERTS{alertstate="firing"})'
HOUR = 60


def service(outcome: Outcome | None = None, error_type: str = "", status: int | None = None, **labels: str) -> Series:
    """An hour of a service with all its series, a call a second: three in four are answered, and one ends like this."""
    series = {name: values for one in Outcome for name, values in call(one, "0x60").items()}
    series.update(call(Outcome.COMPLETED, steady(60 if outcome is None else 45, HOUR)))
    if outcome is not None:
        series.update(call(outcome, steady(15, HOUR), **labels))
        if error_type:
            series.update(failure(outcome, "_ 15+15x58", error_type, status, **labels))
    return series


def alerts(*names_: str) -> Mapping[str, Mapping[str, float]]:
    return {FIRING: {f'{{alertname="{name}"}}': 1 for name in names_}}


ALONE = (
    Scene("nothing fails", service(), "59m", samples=alerts()),
    Scene("HTTP 500", service(Outcome.HTTP_ERROR, "api_error", 500), "59m", samples=alerts(BURN)),
    Scene(
        "HTTP 529",
        service(Outcome.HTTP_ERROR, "overloaded_error", 529),
        "59m",
        samples=alerts(BURN, "MidstreamOverloaded"),
    ),
    Scene(
        "HTTP 429",
        service(Outcome.HTTP_ERROR, "rate_limit_error", 429),
        "59m",
        samples=alerts(BURN, "MidstreamRateLimited"),
    ),
    *(
        Scene(
            f"HTTP {status}, {error_type}",
            service(Outcome.HTTP_ERROR, error_type, status),
            "59m",
            samples=alerts("MidstreamAccessDenied"),
        )
        for error_type, status in (
            ("authentication_error", 401),
            ("billing_error", 402),
            ("permission_error", 403),
            ("403", 403),
        )
    ),
    *(
        Scene(
            f"HTTP {status}, {error_type}: the fault of the caller",
            service(Outcome.HTTP_ERROR, error_type, status),
            "59m",
            samples=alerts(CALLER),
        )
        for error_type, status in (
            ("invalid_request_error", 400),
            ("not_found_error", 404),
            ("request_too_large", 413),
            ("422", 422),
        )
    ),
    Scene(
        "invalid_request_error inside a 200 stream: the fault of the caller",
        service(Outcome.IN_BAND_ERROR, "invalid_request_error", 400),
        "59m",
        samples=alerts(CALLER, IN_BAND, MISREPORTED),
    ),
    Scene(
        "connections that cannot be made",
        service(Outcome.CONNECTION_ERROR, "httpx2.ConnectError"),
        "59m",
        samples=alerts(BURN, "MidstreamConnectionErrors"),
    ),
    Scene(
        "api_error inside a 200 stream",
        service(Outcome.IN_BAND_ERROR, "api_error", 500),
        "59m",
        samples=alerts(BURN, IN_BAND, MISREPORTED),
    ),
    Scene(
        "overloaded_error inside a 200 stream",
        service(Outcome.IN_BAND_ERROR, "overloaded_error", 529),
        "59m",
        samples=alerts(BURN, IN_BAND, MISREPORTED, "MidstreamOverloaded"),
    ),
    Scene(
        "rate_limit_error inside a 200 stream",
        service(Outcome.IN_BAND_ERROR, "rate_limit_error", 429),
        "59m",
        samples=alerts(BURN, IN_BAND, MISREPORTED, "MidstreamRateLimited"),
    ),
    Scene(
        "billing_error inside a 200 stream",
        service(Outcome.IN_BAND_ERROR, "billing_error", 402),
        "59m",
        samples=alerts(IN_BAND, MISREPORTED, "MidstreamAccessDenied"),
    ),
    Scene(
        "leaked transport errors",
        service(Outcome.TRANSPORT_ERROR, "httpx2.ReadError"),
        "59m",
        samples=alerts(BURN, "MidstreamTransportErrors"),
    ),
    Scene(
        "wrapped transport errors",
        service(Outcome.TRANSPORT_ERROR, "httpx2.ReadError", midstream_leaked="false"),
        "59m",
        samples=alerts(BURN, "MidstreamTransportErrors"),
    ),
    Scene(
        "truncated streams",
        service(Outcome.TRUNCATED, "stream_truncated"),
        "59m",
        samples=alerts(BURN, "MidstreamTruncatedStreams"),
    ),
    Scene(
        "malformed data",
        service(Outcome.MALFORMED, "json.decoder.JSONDecodeError"),
        "59m",
        samples=alerts(BURN, "MidstreamMalformedData"),
    ),
    Scene(
        "exceptions of another kind",
        service(Outcome.CLIENT_ERROR, "_OTHER"),
        "59m",
        samples=alerts(CALLER),
    ),
    Scene("calls that the application cancels", service(Outcome.CANCELLED), "59m", samples=alerts()),
    Scene("streams that the application abandons", service(Outcome.ABANDONED), "59m", samples=alerts()),
    Scene(
        "slow streams",
        {**service(), **waits(within=steady(3, HOUR), all_of_them=steady(4, HOUR))},
        "59m",
        samples=alerts("MidstreamStalls"),
    ),
    Scene(
        "faults of midstream's own",
        {**service(), selector(names.TELEMETRY_ERRORS, {**API, names.COMPONENT: "metrics"}): "_x20 1x40"},
        "59m",
        samples=alerts("MidstreamTelemetryErrors"),
    ),
)


def with_labels(series: Series, **labels: str) -> Series:
    """The same series with other labels of their target: without those that are empty here."""
    others = ", ".join(f'{name}="{value}"' for name, value in labels.items() if value)
    return {name.replace('job="api"', others): values for name, values in series.items()}
