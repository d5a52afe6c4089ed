"""Which alerts fire at the edges: first and last failures, restarts, gaps. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import API, Scene, Series, call, failure, selector
from dashboards.rule_scenes_kinds import BURN, alerts, with_labels
from midstream._outcomes import Outcome
from source import names

__all__ = ("MOMENTS",)

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
