"""What the panels show, computed by promtool from known series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from dashboards.boards_values import BORN, MINUTES, WINDOW, complaints, expression, trend
from dashboards.promtool import API, CHAT, call, failure, selector, steady
from midstream._outcomes import Outcome
from source import names
from source.boards import every_panel, interpolate
from source.parts import NO_FAILURES, NONE
from source.prices import PRICE
from source.states import OTHER_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# The tiles: of 64 calls a minute, 40 complete

CONTENT: Final[dict[str, Any]] = {"midstream_phase": "content"}
HANDLED: Final[dict[str, Any]] = {**CONTENT, "midstream_corrected": "true"}
DURATIONS: Final = f"{names.DURATION}_sum"
INPUT: Final = {**API, **CHAT, names.TOKEN_TYPE: "input"}
OUTPUT: Final = {**INPUT, names.TOKEN_TYPE: "output"}
PRICES: Final = {names.MODEL: CHAT[names.MODEL]}

SPENT: Final = {
    selector(DURATIONS, {**API, **CHAT}): steady(96, MINUTES),
    selector(DURATIONS, {**API, **CHAT, names.ERROR_TYPE: "x"}): steady(32, MINUTES),
    selector(f"{names.TOKENS}_sum", INPUT): steady(640, MINUTES),
    selector(f"{names.TOKENS}_count", INPUT): steady(64, MINUTES),
    selector(f"{names.TOKENS}_sum", OUTPUT): steady(160, MINUTES),
    selector(PRICE, {**PRICES, names.TOKEN_TYPE: "input"}): f"2x{MINUTES}",
    selector(PRICE, {**PRICES, names.TOKEN_TYPE: "output"}): f"8x{MINUTES}",
    selector(names.RESENDS, {**API, **CHAT, names.OUTCOME: "completed"}): steady(6, MINUTES),
    selector(names.RESENDS, {**API, **CHAT, names.OUTCOME: "http_error"}): steady(2, MINUTES),
}
"""Of 128 seconds a minute, 32 in failed calls; 10 input tokens a call, 16 failed streams a minute."""

TRAFFIC: Final = {
    **SPENT,
    **call(Outcome.COMPLETED, steady(40, MINUTES)),
    **call(Outcome.HTTP_ERROR, steady(6, MINUTES)),
    **call(Outcome.CONNECTION_ERROR, steady(2, MINUTES)),
    **call(Outcome.IN_BAND_ERROR, steady(8, MINUTES)),
    **call(Outcome.TRANSPORT_ERROR, steady(2, MINUTES)),
    **call(Outcome.TRUNCATED, steady(4, MINUTES)),
    **call(Outcome.MALFORMED, steady(2, MINUTES)),
    **call(Outcome.CLIENT_ERROR, steady(0, MINUTES)),
    **call(Outcome.CANCELLED, steady(5, MINUTES)),
    **call(Outcome.ABANDONED, steady(7, MINUTES)),
    **failure(Outcome.HTTP_ERROR, steady(6, MINUTES), "overloaded_error", 529),
    **failure(Outcome.CONNECTION_ERROR, steady(2, MINUTES), "httpx2.ConnectError"),
    **failure(Outcome.IN_BAND_ERROR, steady(6, MINUTES), "overloaded_error", 529, **CONTENT),
    **failure(
        Outcome.IN_BAND_ERROR, steady(2, MINUTES), "invalid_request_error", 400, **CONTENT, midstream_corrected="true"
    ),
    **failure(Outcome.TRANSPORT_ERROR, steady(2, MINUTES), "httpx2.ReadError", **CONTENT),
    **failure(Outcome.TRUNCATED, steady(4, MINUTES), "stream_truncated", **CONTENT),
    **failure(Outcome.MALFORMED, steady(2, MINUTES), "json.decoder.JSONDecodeError", **CONTENT),
}

TILES: Final[Mapping[tuple[str, str], float]] = {
    ("midstream-outcomes", "Success, according to HTTP"): 56 / 64,
    ("midstream-outcomes", "Actual success"): 40 / 64,
    ("midstream-outcomes", "The gap"): 16 / 64,
    ("midstream-outcomes", "Time lost"): 32 / 128,
    ("midstream-outcomes", "Tokens lost"): 160 / 640,
    ("midstream-outcomes", "Money lost"): 320 / (1280 + 1280),
    ("midstream-outcomes", "Saved by retries"): 60,
    ("midstream-outcomes", "Saved by correcting errors"): 20,
    ("midstream-calls", "Failed calls"): 240,
    ("midstream-misreported", "In-band errors"): 80,
    ("midstream-misreported", "In-band errors per call"): 8 / 64,
    ("midstream-misreported", "Missed by a status check"): 80,
    ("midstream-misreported", "Share that it misses"): 80 / 240,
    ("midstream-misreported", "Worth a retry"): 60 / 80,
    ("midstream-leaked", "Leaked exceptions"): 40,
    ("midstream-leaked", "Missed by except APIError"): 80,
    ("midstream-leaked", "Share that it misses"): 80 / 240,
    ("midstream-leaked", "Transport errors that leak"): 20 / 40,
    # The objective does not count the requests that were wrong, two a minute.
    ("midstream-budget", "Error budget left"): 1 - 22 / 62 / 0.01,
    ("midstream-budget", "Actual success"): 40 / 62,
    ("midstream-budget", "Burn rate now"): 22 / 62 / 0.01,
}


def test_every_tile_is_here_but_for_the_one_with_a_number_for_each_window() -> None:
    tiles = {(board.uid, panel.title) for board, panel in every_panel() if panel.kind == "stat"}
    assert tiles - TILES.keys() == {("midstream-budget", "Burn rate per window")}
    assert TILES.keys() <= tiles


def tiles(values: Mapping[tuple[str, str], float | None]) -> dict[str, dict[str, float]]:
    """By the expression of each tile, the one number that it shows, if it shows one."""
    return {
        # Sums of floats differ in the last digits from run to run, and promtool compares exactly. NaN equals nothing.
        f"round({expression(*tile)}, 0.0001) > -Inf": {} if value is None else {"{}": round(value, 4)}
        for tile, value in values.items()
    }


def test_the_tiles_show_what_happened(tmp_path: Path) -> None:
    assert complaints(TRAFFIC, tiles(TILES), tmp_path) == ""


def test_the_lines_of_the_tiles_lead_to_the_same_values(tmp_path: Path) -> None:
    lines = {
        f"round({trend(*tile)}, 0.0001)": {"{}": round(value, 4)} for tile, value in TILES.items() if 0 < value < 1
    }
    assert complaints(TRAFFIC, lines, tmp_path) == ""


def test_a_tile_that_shows_something_else_is_found(tmp_path: Path) -> None:
    wrong = {tile: value + 0.125 for tile, value in TILES.items()}
    assert complaints(TRAFFIC, tiles(wrong), tmp_path).count("expr:") == len(TILES)


def test_the_tiles_are_at_rest_while_all_is_well(tmp_path: Path) -> None:
    well = {
        name: values
        for outcome in Outcome
        for name, values in call(outcome, steady(64 if outcome is Outcome.COMPLETED else 0, MINUTES)).items()
    }
    at_rest = {
        (board.uid, panel.title): None if panel.nothing in {NO_FAILURES, NONE} else panel.at_rest
        for board, panel in every_panel()
        if (board.uid, panel.title) in TILES
    }
    assert complaints(well, tiles(at_rest), tmp_path) == ""


def test_the_tiles_show_nothing_without_traffic(tmp_path: Path) -> None:
    assert complaints({}, tiles(dict.fromkeys(TILES)), tmp_path) == ""


def test_a_tile_says_that_there_was_no_traffic(tmp_path: Path) -> None:
    idle = call(Outcome.COMPLETED, f"5x{MINUTES}")
    shown = [one(*tile) for tile in TILES for one in (expression, trend)]
    is_nan = {f"count(({one}) != ({one}))": {"{}": 1.0} for one in shown}
    assert complaints(idle, is_nan, tmp_path) == ""


@pytest.mark.parametrize(
    "name", ["midstream_client_operations", "otel_midstream_client_operations_total", "midstream:client:operations"]
)
def test_a_tile_says_that_the_metric_has_another_name(name: str, tmp_path: Path) -> None:
    spelled = {f'{name}{{job="api", midstream_outcome="completed"}}': f"5x{MINUTES}"}
    says = {expression(*tile): {"{}": float(OTHER_NAME)} for tile in TILES}
    assert complaints(spelled, says, tmp_path) == ""


def test_the_first_failure_of_a_series_counts(tmp_path: Path) -> None:
    series = {
        **call(Outcome.COMPLETED, steady(1, MINUTES)),
        **failure(Outcome.IN_BAND_ERROR, BORN, "overloaded_error", 529),
    }
    details = expression("midstream-misreported", "In detail")
    assert complaints(series, {f"sum({details})": {"{}": 1}}, tmp_path) == ""


# Restarts, new workers, and processes that export once: the whole hour


IN_BAND: Final = ("midstream-misreported", "In-band errors")
OUTCOMES: Final = ("midstream-outcomes", "How calls ended")


def in_an_hour(board: str, title: str) -> str:
    return f"round(sum({expression(board, title)}))".replace(f"[{WINDOW}]", "[1h]").replace(
        f"offset {WINDOW}", "offset 1h"
    )


def test_a_restart_at_the_same_address_loses_no_failure(tmp_path: Path) -> None:
    failures = "5 10 15 20x23", "1 2 3 4 5x20"
    series = {
        **call(Outcome.COMPLETED, "0+60x30 0+60x29"),
        **call(Outcome.IN_BAND_ERROR, f"0x4 {failures[0]} 0x6 {failures[1]}"),
        **failure(Outcome.IN_BAND_ERROR, f"_x4 {failures[0]} _x6 {failures[1]}", "overloaded_error", 529),
    }
    counts = {in_an_hour(*IN_BAND): 25.0, in_an_hour("midstream-misreported", "In detail"): 20.0}
    assert complaints(series, {asked: {"{}": count} for asked, count in counts.items()}, tmp_path) == ""


def test_processes_that_export_once_count(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    for minute in range(1, 59):
        good, bad = (0, 1) if minute % 2 else (1, 0)
        once = f"_x{minute} {{}} stale"
        series |= call(Outcome.COMPLETED, once.format(good), instance=f"i{minute}")
        series |= call(Outcome.IN_BAND_ERROR, once.format(bad), instance=f"i{minute}")
    counts = {in_an_hour(*IN_BAND): 29.0, in_an_hour(*OUTCOMES): 58.0}
    assert complaints(series, {asked: {"{}": count} for asked, count in counts.items()}, tmp_path) == ""


def test_new_workers_count_from_their_first_call_on(tmp_path: Path) -> None:
    series = {
        name: values
        for worker in range(4)
        for name, values in call(Outcome.COMPLETED, f"_x{30 + worker} 17 50 83 100x20", instance=f"i{worker}").items()
    }
    assert complaints(series, {in_an_hour(*OUTCOMES): {"{}": 400}}, tmp_path) == ""


def test_by_model_has_only_rows_with_a_model_and_calls(tmp_path: Path) -> None:
    (table,) = [panel for _, panel in every_panel() if panel.kind == "table" and panel.title == "By model"]
    series = {
        **TRAFFIC,
        **call(Outcome.COMPLETED, steady(5, MINUTES), gen_ai_operation_name="batch_results", gen_ai_request_model=""),
        **call(Outcome.IN_BAND_ERROR, "0x60", gen_ai_request_model="idle"),
    }
    rows = {
        f"count by (gen_ai_request_model) ({interpolate(one, WINDOW)})": {'{gen_ai_request_model="claude"}': 1.0}
        for one in table.expressions.values()
    }
    assert complaints(series, rows, tmp_path) == ""


def test_the_worst_service_is_on_top(tmp_path: Path) -> None:
    (table,) = [panel for _, panel in every_panel() if (panel.title, panel.kind) == ("By service", "table")][:1]
    assert table.as_json(1, {})["options"]["sortBy"] == [{"displayName": "Failed", "desc": True}]
    environments = {"prod": (6, 2), "staging": (4, 0)}
    series = {
        name: values
        for environment, (good, bad) in environments.items()
        for outcome, number in ((Outcome.COMPLETED, good), (Outcome.TRUNCATED, bad))
        for name, values in call(
            outcome, steady(number, MINUTES), deployment_environment_name=environment, k8s_namespace_name="ai"
        ).items()
    }
    prod, staging = '{job="api", where="prod   ai"}', '{job="api", where="staging   ai"}'
    expected: list[dict[str, float]] = [{prod: 80, staging: 40}, {prod: 20}, {prod: 20}, {prod: 0.75, staging: 1}]
    asked = (f"round({interpolate(one, WINDOW)}, 0.01)" for one in table.expressions.values())
    assert complaints(series, dict(zip(asked, expected, strict=True)), tmp_path) == ""
