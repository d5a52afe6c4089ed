"""pytest fixtures for code that calls the Anthropic SDK: docs/testing.md.

A pytest plugin: every pytest loads it where midstream is installed, so each fixture imports what it needs. The rest of
midstream never imports it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from midstream.testing._calls import Call, Calls
    from midstream.testing._faults import Faults

__all__ = ("Call", "Calls", "Faults", "anthropic_faults", "midstream_calls")

_HOMES: Final = {
    "Call": "midstream.testing._calls",
    "Calls": "midstream.testing._calls",
    "Faults": "midstream.testing._faults",
}


if not TYPE_CHECKING:  # a type checker believes that a module with a __getattr__ has every name

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(home), name)


@pytest.fixture
def anthropic_faults() -> Iterator[Faults]:
    """A server for this test that speaks the Messages API and fails as scripted, and clients that call it.

    `anthropic_faults.script("in_band:overloaded_error", "reset@4", "ok")` sets what happens to the next requests.
    """
    _need_the_sdk("anthropic_faults")
    from midstream.testing._faults import Faults  # noqa: PLC0415 - see the top

    with Faults() as faults:
        yield faults


@pytest.fixture
def midstream_calls() -> Iterator[Calls]:
    """How each call of the Anthropic SDK in the test really ended, in the order of their ends."""
    _need_the_sdk("midstream_calls")
    from midstream.testing._calls import recorded_calls  # noqa: PLC0415 - see the top

    with recorded_calls() as calls:
        yield calls


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A failed test shows its requests and its calls, whatever it asserted."""
    if call.when != "call":
        return
    values: dict[str, Any] = getattr(item, "funcargs", None) or {}
    for name in _SHOWN:
        shown: Faults | Calls | None = values.get(name)
        if shown is not None:
            item.add_report_section(call.when, name, "\n".join(shown.lines()))


_SHOWN: Final = ("anthropic_faults", "midstream_calls")


def _need_the_sdk(fixture: str) -> None:
    try:
        import_module("anthropic")
    except ModuleNotFoundError as missing:
        if missing.name != "anthropic":
            raise
        pytest.fail(f'{fixture} needs anthropic, not installed here: pip install "midstream[testing]"', pytrace=False)
