"""What is recorded when calls fail in one way only, and without calls. Scenes for promtool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.promtool import Scene, call, failure, steady
from dashboards.rule_scenes_kinds import HOUR, service, with_labels
from midstream._outcomes import Outcome
from source import recording
from source.objective import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("RATIOS", "RECORDED")

RATIOS = (
    recording.FAILED,
    recording.IN_BAND,
    recording.LEAKED,
    recording.TRUNCATED,
    recording.MALFORMED,
    recording.TRANSPORT,
    recording.CONNECTION,
    recording.DENIED,
    recording.CALLER,
)


def recorded(window: str, labels: str, **shares: float) -> Mapping[str, Mapping[str, float]]:
    """What must be recorded: each ratio with its share, and 0 for all others."""
    ratios = {kind: recording.share(kind, window) for kind in RATIOS}
    assert shares.keys() <= ratios.keys()
    # The mean of many rates may differ in its last digits.
    return {f"round({ratio}, 0.0001)": {f"{{{labels}}}": shares.get(kind, 0)} for kind, ratio in ratios.items()}


def of_service(window: str, **shares: float) -> Mapping[str, Mapping[str, float]]:
    return recorded(window, 'job="api"', **shares)


def in_every_window(**shares: float) -> Mapping[str, Mapping[str, float]]:
    return {ratio: values for window in WINDOWS for ratio, values in of_service(window, **shares).items()}


def nothing(*windows: str) -> Mapping[str, Mapping[str, float]]:
    return {recording.share(kind, window): {} for window in windows for kind in RATIOS}


RECORDED = (
    Scene("nothing fails", service(), "59m", samples=in_every_window()),
    Scene(
        "HTTP errors only",
        service(Outcome.HTTP_ERROR, "api_error", 500),
        "59m",
        samples=in_every_window(failures=0.25),
    ),
    Scene(
        "HTTP errors whose status no series names",
        service(Outcome.HTTP_ERROR),
        "59m",
        samples=in_every_window(caller_errors=0.25),
    ),
    Scene(
        "HTTP errors whose status no series names, more than half of the calls",
        {**call(Outcome.COMPLETED, steady(45, HOUR)), **call(Outcome.HTTP_ERROR, steady(55, HOUR))},
        "59m",
        samples=in_every_window(failures=0.55),
    ),
    Scene(
        "denials only",
        service(Outcome.HTTP_ERROR, "authentication_error", 401),
        "59m",
        samples=of_service("5m", denials=0.25),
    ),
    Scene(
        "calls that are refused through the caller's fault only",
        service(Outcome.HTTP_ERROR, "invalid_request_error", 400),
        "59m",
        samples=of_service("5m", caller_errors=0.25),
    ),
    Scene(
        "HTTP errors, half of them through the caller's fault: one in seven of the others",
        {
            **service(Outcome.HTTP_ERROR, "api_error", 500),
            **failure(Outcome.HTTP_ERROR, steady(7.5, HOUR), "api_error", 500),
            **failure(Outcome.HTTP_ERROR, steady(7.5, HOUR), "invalid_request_error", 400),
        },
        "59m",
        samples=of_service("5m", failures=0.1429, caller_errors=0.125),
    ),
    Scene(
        "every call is refused through the caller's fault, from one minute to the next: the objective has none",
        {
            **call(Outcome.COMPLETED, "0+60x50 3000x20"),
            **call(Outcome.HTTP_ERROR, "0x50 60+60x20"),
            **failure(Outcome.HTTP_ERROR, "_x50 60+60x20", "invalid_request_error", 400),
        },
        "57m",
        samples={"midstream:failures:ratio_rate5m": {}, "midstream:eligible_calls:rate5m + 0": {'{job="api"}': 0}},
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
        {**call(Outcome.COMPLETED, "0+3x57 0+3x10"), **call(Outcome.CONNECTION_ERROR, "0+1x57 0+1x10")},
        "59m",
        samples=of_service("5m", failures=0.25, connection_errors=0.25),
    ),
    Scene(
        "service_name and no job",
        with_labels(service(Outcome.HTTP_ERROR, "api_error", 500), service_name="api"),
        "59m",
        samples=recorded("5m", 'service_name="api"', failures=0.25),
    ),
    Scene(
        "job and service_name",
        with_labels(service(Outcome.HTTP_ERROR, "api_error", 500), job="shop/api", service_name="api"),
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
        samples={"round(midstream:calls:rate5m * 300)": {'{job="api"}': 42}},  # 35; `increase` extrapolates its 25
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
            **with_labels(service(Outcome.HTTP_ERROR, "api_error", 500), job="api", instance="a"),
            **with_labels(service(), job="api", instance="b"),
            **with_labels(service(Outcome.HTTP_ERROR, "api_error", 500), job="other", instance="a"),
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
