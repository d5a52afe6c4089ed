"""`--examples=few` leaves out most scenarios, for runs with many versions of everything.

What the helpers in `support` assert is told as exactly as what a test asserts.
"""

from __future__ import annotations

from typing import Final

import pytest

from midstream.faults import EXAMPLES, parse

pytest.register_assert_rewrite("support")

_EDGES: Final = ("in_band:overloaded_error", "in_band:overloaded_error@8", "reset", "cut", "cut@8")
_ONE_EACH: Final = {parse(model).family: model for model in reversed(EXAMPLES)}
_FEW: Final = frozenset(_ONE_EACH.values()).union(_EDGES)
_MANY: Final = frozenset(EXAMPLES) - _FEW


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples",
        choices=("all", "few"),
        default="all",
        help="the scenarios that tests take from midstream.faults.EXAMPLES: all, or few: one of each family, "
        "and those before and after the content",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--examples") == "few":
        many = [item for item in items if _model(item) in _MANY]
        items[:] = [item for item in items if _model(item) not in _MANY]
        config.hook.pytest_deselected(items=many)


def _model(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("model")
