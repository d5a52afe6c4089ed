"""Scenes for promtool: many services at the same time, and two under one job."""

from __future__ import annotations

from dashboards.promtool import Fired, Scene, Series, call, steady
from dashboards.rule_words import FLEET, HOUR, fleet, outage
from midstream._outcomes import Outcome

__all__ = ("FIRES", "ONE_PAGE", "SILENT", "storm")


def storm(
    failing: int, others: int = 0, outcome: Outcome = Outcome.IN_BAND_ERROR, share: float = 0.25, **labels: str
) -> Series:
    """Services with 16 calls a minute each: those that fail do so in this share of the last quarter of an hour."""
    bad, good = 16 * share, 16 * (1 - share)
    broken = {
        name: values
        for number in range(failing)
        for name, values in (
            *call(Outcome.COMPLETED, f"0+16x45 {720 + good}+{good}x30", job=f"bad-{number}", **labels).items(),
            *call(outcome, f"0x45 {bad}+{bad}x30", job=f"bad-{number}", **labels).items(),
        )
    }
    whole = {
        name: values
        for number in range(others)
        for name, values in call(Outcome.COMPLETED, steady(16, HOUR + 15), job=f"good-{number}", **labels).items()
    }
    return {**broken, **whole}


def fired(number: int, severity: str, share: str, limit: str) -> list[Fired]:
    return [fleet(f"bad-{one}", severity, share, limit) for one in range(number)]


SUDDENLY = "14.4% in the last 15m, or more than 30% in the last 5m"
ONE_JOB = {
    **call(Outcome.COMPLETED, steady(16, HOUR), namespace="production"),
    **call(Outcome.COMPLETED, "0x60", namespace="staging"),
    **call(Outcome.HTTP_ERROR, steady(16, HOUR), namespace="staging"),
}

FIRES = (
    Scene(
        "MidstreamFleetFailure: three of six services fail in a quarter of their calls",
        storm(3, 3),
        "65m",
        {
            FLEET: [
                *fired(3, "critical", "25%", SUDDENLY),
                *fired(3, "warning", "25%", "2% in the last 15m"),
            ]
        },
    ),
    Scene(
        "MidstreamFleetFailure: three services fail in one call of 16",
        storm(3, share=1 / 16),
        "65m",
        {FLEET: fired(3, "warning", "6.25%", "2% in the last 15m")},
    ),
    Scene(
        "MidstreamOutage: in one namespace of two under one job, and says which",
        ONE_JOB,
        "59m",
        {"MidstreamOutage": [outage("100%", namespace="staging")]},
    ),
)

ALERTS = 'ALERTS{alertstate="firing", severity="critical", alertname'

ONE_PAGE = (
    Scene(
        "an outage of many services: each page about one of them comes while it is part of the page about all",
        {
            name: values
            for number in range(3)
            for name, values in {
                **call(Outcome.COMPLETED, "0+16x60 960x20 976+16x120", job=f"bad-{number}"),
                **call(Outcome.CONNECTION_ERROR, "0x60 16+16x19 320x120", job=f"bad-{number}"),
            }.items()
        },
        "190m",
        samples={
            # During the whole time: no page beside the one for all services; the others end before it.
            f'count_over_time(({ALERTS}!="{FLEET}"}} unless on (job) {ALERTS}="{FLEET}"}})[190m:1m])': {},
            f'count(count_over_time({ALERTS}!="{FLEET}"}}[190m:1m])) >= bool 6': {"{}": 1},
            f'{ALERTS}="{FLEET}"}}': {},
        },
    ),
)

SILENT = (
    Scene("MidstreamFleetFailure: two services fail", storm(2), "65m", {FLEET: []}),
    Scene("MidstreamFleetFailure: three of seven services fail", storm(3, 4), "65m", {FLEET: []}),
    Scene("MidstreamFleetFailure: one call in 64 fails", storm(3, share=1 / 64), "65m", {FLEET: []}),
    Scene(
        "MidstreamFleetFailure: services fail with different models",
        {
            name: values
            for model in range(3)
            for name, values in storm(1, gen_ai_request_model=f"model-{model}").items()
        },
        "65m",
        {FLEET: []},
    ),
)
