"""For each alert that pages: when it fires, with its texts, and when not. Scenes for promtool."""

from __future__ import annotations

from dashboards.promtool import Scene, call, failure, steady
from dashboards.rule_words import (
    BURN,
    CALLER,
    FAST,
    HOUR,
    SLOWER,
    answered,
    burnt,
    denials,
    denied,
    outage,
    refusals,
    refused,
)
from midstream._outcomes import Outcome

__all__ = ("FIRES", "SILENT")

DENIED_ONCE = denied(1)
GAP_OF_50_MINUTES = "_x10 1x60 _x50 1x60"

FIRES = (
    Scene(
        "MidstreamCallerErrors: one call in eight",
        {
            **answered(56, HOUR),
            **call(Outcome.HTTP_ERROR, steady(8, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(8, HOUR), "invalid_request_error", 400),
        },
        "30m",
        {CALLER: [refused("12.5%")]},
    ),
    Scene(
        "MidstreamCallerErrors: every call, for 5 minutes of an hour, and the API is not to blame",
        {
            **call(Outcome.COMPLETED, "0+64x60 3840x10"),
            **call(Outcome.HTTP_ERROR, "0x60 64+64x10"),
            **failure(Outcome.HTTP_ERROR, "_x60 64+64x10", "not_found_error", 404),
        },
        "66m",
        {CALLER: [refusals("100%"), refused("31.25%")], "MidstreamOutage": [], BURN: []},
    ),
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
        "MidstreamOutage: the process restarts at the same address meanwhile",
        {
            **call(Outcome.COMPLETED, "0+64x60 3840x4 stale _ 0x6"),
            **call(Outcome.HTTP_ERROR, "0x60 64+64x4 stale _ 64+64x6"),
        },
        "72m",
        samples={
            'count(count_over_time(ALERTS{alertname="MidstreamOutage", alertstate="firing"}[7m:1m]) == 8)': {"{}": 1}
        },
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
        "MidstreamErrorBudgetBurn: a burst fires the short windows, after 2 and after 15 minutes",
        {**answered(3, HOUR), **call(Outcome.CONNECTION_ERROR, steady(1, HOUR))},
        "30m",
        {BURN: [FAST, SLOWER]},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: 25 % failures for hours fire all four",
        {**answered(3, 5 * HOUR), **call(Outcome.CONNECTION_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: [FAST, SLOWER, burnt("warning", "1d", "2h", 10, "3%"), burnt("warning", "3d", "6h", 30, "1%")]},
        every="5m",
    ),
    Scene(
        "MidstreamErrorBudgetBurn: 1/64 failures for hours fire the longest only",
        {**answered(63, 5 * HOUR), **call(Outcome.CONNECTION_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: [burnt("warning", "3d", "6h", 30, "1%", "1.562%")]},
        every="5m",
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
)

SILENT = (
    *(
        Scene(
            f"MidstreamOutage: a fifth of the calls are HTTP errors that no series names, {share} of those of a model",
            {
                **call(Outcome.COMPLETED, steady(48, HOUR)),
                **call(Outcome.HTTP_ERROR, steady(12, HOUR), gen_ai_request_model=model),
            },
            "30m",
            {CALLER: [refused("20%")], "MidstreamOutage": [], BURN: []},
        )
        for model, share in (("claude", "a fifth"), ("other", "all"))
    ),
    Scene(
        "MidstreamCallerErrors: a fifth of the calls does not page",
        {
            **answered(48, HOUR),
            **call(Outcome.HTTP_ERROR, steady(12, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(12, HOUR), "invalid_request_error", 400),
        },
        "59m",
        samples={'ALERTS{alertname=~"Midstream.*", severity="critical"}': {}},
    ),
    Scene(
        "MidstreamCallerErrors: one call in 64",
        {
            **answered(63, HOUR),
            **call(Outcome.HTTP_ERROR, steady(1, HOUR)),
            **failure(Outcome.HTTP_ERROR, steady(1, HOUR), "invalid_request_error", 400),
        },
        "59m",
        {CALLER: []},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: 1/128 failures are within the objective",
        {**answered(127, 5 * HOUR), **call(Outcome.CONNECTION_ERROR, steady(1, 5 * HOUR))},
        "5h",
        {BURN: []},
        every="5m",
    ),
    Scene(
        "MidstreamErrorBudgetBurn: every call failed, but there were only 19",
        call(Outcome.CONNECTION_ERROR, "0 5 10 15 19x300"),
        "4m",
        {BURN: []},
    ),
    Scene(
        "MidstreamErrorBudgetBurn: failures that are over, though the last hour still has them",
        {**answered(3, 2 * HOUR), **call(Outcome.CONNECTION_ERROR, "0+1x60 60x60")},
        "80m",
        samples={'ALERTS{alertname="MidstreamErrorBudgetBurn", long="1h"}': {}},
    ),
    Scene(
        "MidstreamOutage: half of the calls fail",
        {**answered(8, HOUR), **call(Outcome.CONNECTION_ERROR, steady(8, HOUR))},
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
            **call(Outcome.CONNECTION_ERROR, " ".join(f"{n}x9" for n in range(6))),
        },
        "59m",
        {"MidstreamOutage": []},
    ),
    Scene(
        "MidstreamAccessDenied: an hour after the last one",
        failure(Outcome.HTTP_ERROR, "_x10 1x90", "authentication_error", 401),
        "75m",
        {"MidstreamAccessDenied": []},
    ),
    Scene(
        "MidstreamAccessDenied: a single one does not page",
        {
            **answered(60, HOUR),
            **call(Outcome.HTTP_ERROR, "0x10 1x50"),
            **failure(Outcome.HTTP_ERROR, "_x10 1x50", "authentication_error", 401),
        },
        "30m",
        {"MidstreamAccessDenied": [DENIED_ONCE]},
    ),
    Scene(
        "MidstreamAccessDenied: a gap of less than an hour between two scrapes does not make a second failure",
        failure(Outcome.HTTP_ERROR, GAP_OF_50_MINUTES, "authentication_error", 401),
        "145m",
        {"MidstreamAccessDenied": []},
    ),
)
