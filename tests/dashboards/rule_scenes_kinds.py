"""What is recorded, and which alerts fire, when calls fail in one way only, and at the edges. Scenes for promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.promtool import API, Scene, Series, call, failure, selector, steady, waits
from midstream._outcomes import Outcome
from source import names, recording
from source.objective import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("ALONE", "FIRING", "MOMENTS", "RATIOS", "RECORDED")

BURN = "MidstreamErrorBudgetBurn"
IN_BAND = "MidstreamInBandErrors"
MISREPORTED = "MidstreamMisreportedStatus"
FIRING = 'group by (alertname) (ALERTS{alertstate="firing"})'
HOUR = 60

RATIOS = (
    recording.FAILED,
    recording.IN_BAND,
    recording.LEAKED,
    recording.TRUNCATED,
    recording.MALFORMED,
    recording.TRANSPORT,
    recording.CONNECTION,
    recording.DENIED,
)


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
            samples=alerts(BURN, "MidstreamAccessDenied"),
        )
        for error_type, status in (
            ("authentication_error", 401),
            ("billing_error", 402),
            ("permission_error", 403),
            ("403", 403),
        )
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
        samples=alerts(BURN, IN_BAND, MISREPORTED, "MidstreamAccessDenied"),
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
        samples=alerts(BURN),
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


def recorded(window: str, labels: str, **shares: float) -> Mapping[str, Mapping[str, float]]:
    """What must be recorded: each ratio with its share, and 0 for all others."""
    ratios = {kind: recording.share(kind, window) for kind in RATIOS}
    assert shares.keys() <= ratios.keys()
    # The mean of many rates may differ in its last digits.
    return {f"round({ratio}, 0.0001)": {f"{{{labels}}}": shares.get(kind, 0)} for kind, ratio in ratios.items()}


def with_labels(series: Series, **labels: str) -> Series:
    """The same series with other labels of their target: without those that are empty here."""
    others = ", ".join(f'{name}="{value}"' for name, value in labels.items() if value)
    return {name.replace('job="api"', others): values for name, values in series.items()}


def of_service(window: str, **shares: float) -> Mapping[str, Mapping[str, float]]:
    return recorded(window, 'job="api"', **shares)


def in_every_window(**shares: float) -> Mapping[str, Mapping[str, float]]:
    return {ratio: values for window in WINDOWS for ratio, values in of_service(window, **shares).items()}


def nothing(*windows: str) -> Mapping[str, Mapping[str, float]]:
    return {recording.share(kind, window): {} for window in windows for kind in RATIOS}


RECORDED = (
    Scene("nothing fails", service(), "59m", samples=in_every_window()),
    Scene("HTTP errors only", service(Outcome.HTTP_ERROR), "59m", samples=in_every_window(failures=0.25)),
    Scene(
        "denials only",
        service(Outcome.HTTP_ERROR, "authentication_error", 401),
        "59m",
        samples=of_service("5m", failures=0.25, denials=0.25),
    ),
    Scene(
        "only one series, and that has no failure",
        call(Outcome.COMPLETED, steady(4, HOUR)),
        "59m",
        samples=of_service("5m"),
    ),
    Scene(
        "in-band errors only",
        service(Outcome.IN_BAND_ERROR),
        "59m",
        samples=of_service("5m", failures=0.25, in_band_errors=0.25),
    ),
    Scene(
        "leaks only",
        service(Outcome.TRANSPORT_ERROR),
        "59m",
        samples=of_service("5m", failures=0.25, leaks=0.25, transport_errors=0.25),
    ),
    Scene(
        "connections that cannot be made only",
        service(Outcome.CONNECTION_ERROR),
        "59m",
        samples=of_service("5m", failures=0.25, connection_errors=0.25),
    ),
    Scene(
        "truncation only",
        service(Outcome.TRUNCATED),
        "59m",
        samples=of_service("5m", failures=0.25, truncations=0.25),
    ),
    Scene(
        "malformed only",
        service(Outcome.MALFORMED),
        "59m",
        samples=of_service("5m", failures=0.25, leaks=0.25, malformed=0.25),
    ),
    Scene("no calls at all", {}, "59m", samples=nothing(*WINDOWS)),
    Scene("idle from the start", call(Outcome.COMPLETED, "_x10 0x50"), "59m", samples=nothing("5m", "1h")),
    Scene(
        "idle for longer than the window",
        {**call(Outcome.COMPLETED, "0+4x20 80x40"), **call(Outcome.TRUNCATED, "0+4x20 80x40")},
        "59m",
        samples={**nothing("5m"), **of_service("1h", failures=0.5, truncations=0.5)},
    ),
    Scene(
        "only calls that the application ended itself",
        call(Outcome.CANCELLED, steady(4, HOUR)),
        "59m",
        samples=nothing("5m"),
    ),
    Scene(
        "a restart, which sets all counters to 0",
        {**call(Outcome.COMPLETED, "0+3x57 0+3x10"), **call(Outcome.HTTP_ERROR, "0+1x57 0+1x10")},
        "59m",
        samples=of_service("5m", failures=0.25),
    ),
    Scene(
        "service_name and no job",
        with_labels(service(Outcome.HTTP_ERROR), service_name="api"),
        "59m",
        samples=recorded("5m", 'service_name="api"', failures=0.25),
    ),
    Scene(
        "job and service_name",
        with_labels(service(Outcome.HTTP_ERROR), job="shop/api", service_name="api"),
        "59m",
        samples=recorded("5m", 'job="shop/api", service_name="api"', failures=0.25),
    ),
    Scene(
        "processes that live for less than an export interval: each exports once, one a minute",
        {
            name: values
            for minute in range(1, 60)
            for outcome in (Outcome.COMPLETED, Outcome.IN_BAND_ERROR)
            for name, values in call(
                outcome,
                f"_x{minute} {int((outcome is Outcome.COMPLETED) == minute % 2)} stale",
                instance=f"i{minute}",
            ).items()
        },
        "59m",
        samples={
            "round(midstream:calls:rate5m * 300)": {'{job="api"}': 5},
            "round(midstream:calls:rate30m * 1800)": {'{job="api"}': 31},  # both ends of the window count in promtool
            "round(midstream:failures:ratio_rate30m, 0.1)": {'{job="api"}': 0.5},
        },
    ),
    Scene(
        "the first interval of a new process",
        call(Outcome.COMPLETED, "_x58 75 100"),
        "59m",
        samples={"midstream:calls:rate5m * 300": {'{job="api"}': 100}},
    ),
    Scene(
        "a restart within the window, of a process that began in it",
        call(Outcome.COMPLETED, "_x55 10 20 5 15"),
        "59m",
        samples={"round(midstream:calls:rate5m * 300)": {'{job="api"}': 33}},  # 35; `increase` extrapolates its 25
    ),
    Scene(
        "a process that restarts at the same address, after a break",
        call(Outcome.COMPLETED, "0+60x50 stale _x6 25"),
        "58m",
        samples={"midstream:calls:rate5m * 300": {'{job="api"}': 25}},
    ),
    Scene(
        "two processes of a service are one, two services are two",
        {
            **with_labels(service(Outcome.HTTP_ERROR), job="api", instance="a"),
            **with_labels(service(), job="api", instance="b"),
            **with_labels(service(Outcome.HTTP_ERROR), job="other", instance="a"),
        },
        "59m",
        samples={
            recording.share(recording.FAILED, "5m"): {
                'midstream:failures:ratio_rate5m{job="api"}': 0.125,
                'midstream:failures:ratio_rate5m{job="other"}': 0.25,
            }
        },
    ),
    Scene(
        "the rate of calls keeps what boards filter by, and is one for two processes",
        {
            **call(Outcome.TRANSPORT_ERROR, steady(60, HOUR), instance="a"),
            **call(Outcome.TRANSPORT_ERROR, steady(60, HOUR), instance="b", gen_ai_request_stream="false"),
        },
        "59m",
        samples={
            recording.operations("5m"): {
                'midstream:operations:rate5m{job="api", gen_ai_operation_name="chat", '
                'gen_ai_provider_name="anthropic", gen_ai_request_model="claude", midstream_leaked="true", '
                'midstream_misreported="false", midstream_outcome="transport_error"}': 2
            }
        },
    ),
)


DENIED = "MidstreamAccessDenied"
TELEMETRY = "MidstreamTelemetryErrors"


def internal_errors(values: str) -> Series:
    return {selector(names.TELEMETRY_ERRORS, {**API, names.COMPONENT: "spans"}): values}


MOMENTS = (
    Scene("no traffic: no alert", {}, "59m", samples=alerts()),
    Scene("an idle service: no alert", call(Outcome.COMPLETED, "7x60"), "59m", samples=alerts()),
    Scene(
        "a restart of a service in which nothing fails: no alert",
        call(Outcome.COMPLETED, "0+4x30 0+4x30"),
        "59m",
        samples=alerts(),
    ),
    Scene(
        "a restart after failures: they are not counted again",
        {
            **call(Outcome.COMPLETED, "0+64x120 0+64x60"),
            **failure(Outcome.HTTP_ERROR, "_x10 1x110 stale _x60", "billing_error", 402),
        },
        "171m",
        samples=alerts(),
    ),
    Scene(
        "the first failure of another process counts, though one before it had the same",
        {
            **failure(Outcome.HTTP_ERROR, "_x10 3x20 stale", "billing_error", 402, instance="old"),
            **failure(Outcome.HTTP_ERROR, "_x50 1x10", "billing_error", 402, instance="new"),
        },
        "52m",
        samples=alerts(DENIED),
    ),
    Scene(
        "the same process address fails again soon after a restart, less often than before",
        failure(Outcome.HTTP_ERROR, "_x10 3x20 stale _x49 1x10", "billing_error", 402),
        "85m",
        samples=alerts(DENIED),
    ),
    Scene(
        "the same process address fails as often as before, soon after a restart: not seen, as the README says",
        failure(Outcome.HTTP_ERROR, "_x10 1x20 stale _x89 1x10", "billing_error", 402),
        "125m",
        samples=alerts(),
    ),
    Scene(
        "the same process address fails again long after a restart",
        failure(Outcome.HTTP_ERROR, "_x10 3x20 stale _x159 3x10", "billing_error", 402),
        "195m",
        samples=alerts(DENIED),
    ),
    Scene(
        "the very first failure of a process that ends with it, scraped once",
        failure(Outcome.HTTP_ERROR, "_x50 1 stale", "authentication_error", 401),
        "59m",
        samples=alerts(DENIED),
    ),
    Scene(
        "the very first failure, of a service without a job",
        with_labels(failure(Outcome.HTTP_ERROR, "_x50 1x10", "billing_error", 402), service_name="api"),
        "59m",
        samples={
            'ALERTS{alertstate="firing"}': {
                'ALERTS{alertname="MidstreamAccessDenied", alertstate="firing", severity="warning", '
                'error_type="billing_error", service_name="api"}': 1
            }
        },
    ),
    Scene(
        "a gap of 50 minutes between two scrapes: nothing is new after it",
        {
            **call(Outcome.COMPLETED, "_x10 99x120 _x50 99x60"),
            **call(Outcome.IN_BAND_ERROR, "_x10 9x120 _x50 9x60"),
            **failure(Outcome.HTTP_ERROR, "_x10 1x120 _x50 1x60", "authentication_error", 401),
            **internal_errors("_x10 1x120 _x50 1x60"),
        },
        "215m",
        samples=alerts(),
    ),
    Scene(
        "a gap of three hours: what has not been seen for so long counts whole, as the README says",
        failure(Outcome.HTTP_ERROR, "_x10 1x30 _x180 1x60", "authentication_error", 401),
        "225m",
        samples=alerts(DENIED),
    ),
    Scene(
        "one occurrence is over after its window",
        {
            **failure(Outcome.HTTP_ERROR, "_x10 1x120", "authentication_error", 401),
            **internal_errors("_x10 1x120"),
        },
        "75m",
        samples=alerts(),
    ),
    Scene("a second occurrence fires again", internal_errors("_x10 1x90 2x50"), "110m", samples=alerts(TELEMETRY)),
    Scene(
        "the first calls of a new model are all refused: counted from the first scrape on",
        {
            **call(Outcome.COMPLETED, "_x50 0x10"),
            **call(Outcome.HTTP_ERROR, "_x50 40x10"),
            **failure(Outcome.HTTP_ERROR, "_x50 40x10", "overloaded_error", 529),
        },
        "59m",
        samples=alerts(BURN, "MidstreamOutage", "MidstreamOverloaded"),
    ),
)
