"""Grafana's own models read the boards, and write the same again: v2 resources, and the classic JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from source.boards import BOARDS
from source.v2 import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from source.board import Board

_SDK: Final = "grafana_foundation_sdk"

_NOT_MODELED: Final = {
    # The models know queries of panels, but not of variables and annotations.
    ".query.spec.query",
    ".query.spec.qryType",
    ".query.spec.step",
    # None here, as no installed board has an id.
    "id",
}
"""What the models lose, by the end of its path."""

each_board = pytest.mark.parametrize("board", BOARDS, ids=[board.uid for board in BOARDS])


def again(module: str, board: dict[str, Any]) -> Any:
    """`board` after this model of a dashboard has read and written it."""
    model: Any = pytest.importorskip(f"{_SDK}.models.{module}", reason=f"{_SDK} needs Python 3.11")
    encode: Any = pytest.importorskip(f"{_SDK}.cog.encoder").JSONEncoder()
    pytest.importorskip(f"{_SDK}.cog.plugins").register_default_plugins()

    def default(o: Any) -> Any:
        # 0.0.21 reads the type and the version of a panel into sets of one text.
        return next(iter(cast("set[str]", o))) if isinstance(o, set) else encode.default(o)

    return json.loads(json.dumps(model.Dashboard.from_json(json.loads(json.dumps(board))), default=default))


def lost(board: object, written: object, path: str = "") -> Iterator[str]:
    """Where `written` differs from `board`, apart from additions: the defaults of the models."""
    if isinstance(board, dict) and isinstance(written, dict):
        there = cast("dict[str, object]", written)
        for name, value in cast("dict[str, object]", board).items():
            place = f"{path}.{name}" if path else name
            if name in there:
                yield from lost(value, there[name], place)
            else:
                yield place
    elif isinstance(board, list) and isinstance(written, list):
        pairs = list(zip(cast("list[object]", board), cast("list[object]", written), strict=True))
        for number, (one, other) in enumerate(pairs):
            yield from lost(one, other, f"{path}[{number}]")
    elif board != written:
        yield path


def unexpected(places: Iterator[str]) -> list[str]:
    return [place for place in places if not place.endswith(tuple(_NOT_MODELED))]


@each_board
def test_the_model_of_v2_keeps_everything(board: Board) -> None:
    spec = resource(board)["spec"]
    assert unexpected(lost(spec, again("dashboardv2", spec))) == []


@each_board
def test_the_classic_model_keeps_everything(board: Board) -> None:
    classic = board.as_json()
    assert unexpected(lost(classic, again("dashboard", classic))) == []


def test_what_a_model_does_not_know_is_found() -> None:
    spec = resource(BOARDS[0])["spec"]
    spec["elements"]["panel-1"]["spec"]["titel"] = "x"
    spec["variables"][1]["spec"]["multy"] = True
    assert unexpected(lost(spec, again("dashboardv2", spec))) == [
        "variables[1].spec.multy",
        "elements.panel-1.spec.titel",
    ]


@each_board
def test_both_forms_show_the_same_at_the_same_places(board: Board) -> None:
    classic, spec = board.as_json(), resource(board)["spec"]
    panels = {panel["title"]: panel for panel in classic["panels"] if panel["type"] != "row"}
    elements = {one["spec"]["title"]: one["spec"] for one in spec["elements"].values()}
    assert elements.keys() == panels.keys()
    for title, panel in panels.items():
        queries = [one["spec"] for one in elements[title]["data"]["spec"]["queries"]]
        assert [{**one["query"]["spec"], "refId": one["refId"]} for one in queries] == [
            {name: value for name, value in target.items() if name != "datasource"} for target in panel["targets"]
        ]
    assert list(placed(spec)) == [
        (panel["title"], panel["gridPos"]["x"], panel["gridPos"]["w"], panel["gridPos"]["h"])
        for panel in panels.values()
    ]


def placed(spec: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in spec["layout"]["spec"]["rows"]:
        for item in row["spec"]["layout"]["spec"]["items"]:
            place = item["spec"]
            title = spec["elements"][place["element"]["name"]]["spec"]["title"]
            yield title, place["x"], place["width"], place["height"]


def test_rows_without_their_data_source_are_hidden() -> None:
    conditions = {
        row["spec"]["title"]: row["spec"]["conditionalRendering"]["spec"]["items"][0]["spec"]
        for board in BOARDS
        for row in resource(board)["spec"]["layout"]["spec"]["rows"]
        if "conditionalRendering" in row["spec"]
    }
    assert conditions == {
        "From Loki": {"variable": "loki_datasource", "operator": "notEquals", "value": ""},
        "From Tempo": {"variable": "tempo_datasource", "operator": "notEquals", "value": ""},
    }
