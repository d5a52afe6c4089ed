"""`--examples=few` leaves out most scenarios, for runs with many versions of everything.

What the helpers in `support` assert is told as exactly as what a test asserts. The tests in `neighbours`,
`dashboards` and `release` are there only where what they need is: with `make test-neighbours`, with the newest SDK,
with `make test-release`.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry.sdk import _logs

pytest.register_assert_rewrite("support")
pytest_plugins: Final = ("pytester",)

from midstream.faults import EXAMPLES  # noqa: E402 - the rewriting must be known before the first import from there
from support.clients import HAS_OWN_SPANS  # noqa: E402
from support.interpreters import Interpreters  # noqa: E402
from support.scenarios import FEW  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

# Imported above, before a test freezes what the garbage collector sees. No test fails for being slow.
settings.register_profile("midstream", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("midstream")

_NEEDED: Final = {
    "neighbours": "sentry_sdk",
    "dashboards": "promql_parser",
    "docs": "promql_parser",
    "examples": "fastapi",
    "release": "mypy",
}
_LATER: Final = (
    # The benchmarks need OpenTelemetry 1.39.
    "unit/test_benchmarks.py",
    "unit/test_benchmarks_by_hand.py",
    "unit/test_benchmarks_in_memory.py",
    "reliability/test_benchmarks.py",
    "reliability/test_benchmarks_by_hand.py",
)
collect_ignore: Final = [
    *(folder for folder, package in _NEEDED.items() if not find_spec(package)),
    *(file for file in _LATER if not hasattr(_logs, "ReadWriteLogRecord")),
]

_MUCH_GARBAGE: Final = 20_000

_SPANS: Final = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
_MANY: Final = frozenset(EXAMPLES) - frozenset(FEW)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples",
        choices=("all", "few"),
        default="all",
        help="the scenarios of midstream.faults.EXAMPLES: all that a test asks for, or of those only one for each kind "
        "of end, and those before and after the content",
    )
    parser.addoption(
        "--long",
        action="store_true",
        help="the tests in reliability at their full size, for minutes each, and every style under every fault both "
        "sync and async, with the SDK's spans and with ours",
    )


def pytest_collection_finish() -> None:
    """What is here to stay need not be looked at by every `gc.collect()` of the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def collected_between_tests() -> Iterator[None]:
    """Where a dropped stream that is collected in the middle of a request can hang its thread: see docs/limits.md."""
    if HAS_OWN_SPANS or sys.version_info >= (3, 12):
        yield
        return
    gc.disable()
    yield
    if gc.get_count()[0] > _MUCH_GARBAGE:
        gc.collect()


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether a test of reliability is to run at its full size."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreters]:
    """Starts programs in processes of their own, at once. One for all tests, as it takes seconds itself."""
    running = Interpreters(tmp_path_factory.mktemp("interpreters"))
    yield running
    running.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `--numprocesses=auto`: most tests wait for a socket most of the time."""
    return 2 * (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        _leave_out(config, items, _not_chosen(items))
    if config.getoption("--examples") == "few":
        _leave_out(config, items, {item for item in items if _parameter(item, "model") in _MANY})


def _leave_out(config: pytest.Config, items: list[pytest.Item], others: set[pytest.Item]) -> None:
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


def _not_chosen(items: list[pytest.Item]) -> set[pytest.Item]:
    """Of the tests that alternate, all but one for each model and style; every two values of parameters meet."""
    kinds = [(flavor, spans) for spans in _SPANS for flavor in ("sync", "async")]
    places: dict[tuple[str, object], int] = {}
    others: set[pytest.Item] = set()
    for item in items:
        if item.get_closest_marker("alternates"):
            of_file = [(item.path.name + name, _parameter(item, name)) for name in ("model", "style", "reader")]
            known = sum(places.setdefault(one, _count(places, one[0])) for one in of_file)
            if (_parameter(item, "flavor"), _parameter(item, "spans")) != kinds[known % len(kinds)]:
                others.add(item)
    return others


def _count(places: dict[tuple[str, object], int], name: str) -> int:
    return sum(known == name for known, _ in places)


def _parameter(item: pytest.Item, name: str) -> object:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get(name)
