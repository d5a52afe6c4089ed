"""Which tests run: the quick set, which `make mutants` has chosen, or with `--full` all of them.

The tests in `neighbours`, `frameworks`, `dashboards`, `docs`, `examples` and `release` exist only where their packages
are installed: with `make test-neighbours`, with `make test-frameworks`, with the newest SDK, with `make test-release`.
Those in `index` install packages, and run with `make test-index` only.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry.sdk import _logs

pytest.register_assert_rewrite(
    "support", "dashboards", "docs", "index", "integration", "release", "reliability", "stack"
)
pytest_plugins: Final = ("pytester",)

from midstream.faults import EXAMPLES  # noqa: E402 - the rewriting must be known before the first import from there
from support.clients import HAS_OWN_SPANS  # noqa: E402
from support.interpreters import Interpreters, interpreters  # noqa: E402
from support.reaper import start_reaper  # noqa: E402
from support.scenarios import FEW, waits_like_another  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Every call stays on this machine, and to load the certificates of the world takes longer than a call. Processes that
# tests start inherit it.
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
os.environ.pop("SSL_CERT_FILE", None)

# Imported above, before a test freezes what the garbage collector sees. No test fails for being slow.
settings.register_profile("midstream", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("midstream")

_NEEDED: Final = {
    "neighbours": ("sentry_sdk",),
    "frameworks": ("langgraph", "strands"),
    "dashboards": ("promql_parser",),
    "docs": ("promql_parser",),
    "examples": ("fastapi",),
    "release": ("mypy",),
    "stack": ("promql_parser",),
}
"""By folder, packages of which its tests need one."""
_LATER: Final = (
    # The benchmarks need OpenTelemetry 1.39.
    "unit/test_benchmarks.py",
    "unit/test_benchmarks_by_hand.py",
    "unit/test_benchmarks_in_memory.py",
    "reliability/test_benchmarks.py",
    "reliability/test_benchmarks_by_hand.py",
)
collect_ignore: Final = [
    *(folder for folder, packages in _NEEDED.items() if not any(map(find_spec, packages))),
    *([] if os.environ.get("TEST_INDEX") else ["index"]),
    *(file for file in _LATER if not hasattr(_logs, "ReadWriteLogRecord")),
]

_MUCH_GARBAGE: Final = 20_000

_ALTERNATING: Final = frozenset({"flavor", "spans"})
_LEFT_OUT: Final = frozenset(EXAMPLES) - frozenset(FEW)
_IS_NEWEST: Final = find_spec("promql_parser") is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="every scenario in every style, sync and async, with the spans of the SDK and with ours",
    )
    parser.addoption("--only-full", action="store_true", help="only the tests that --full adds, for `make mutants`")
    parser.addoption("--long", action="store_true", help="the tests in reliability at full size, for minutes each")


def pytest_configure() -> None:
    start_reaper()
    # A shell that starts pytest in the background lets it, and the programs that tests stop by Ctrl-C, ignore that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Every `gc.collect()` of the tests would look again at what stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def nothing_to_collect_of_other_modules() -> None:
    """Keeps what `gc.collect()` has to look at small: it takes longer than most tests after thousands of them."""
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
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every case is to be tried."""
    return bool(request.config.getoption("--full") or request.config.getoption("--only-full"))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether a test of reliability is to run at its full size."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(name="interpreters", scope="session")
def interpreters_() -> Interpreters:
    """Starts each program in a separate process, quickly."""
    return interpreters()


def pytest_unconfigure() -> None:
    interpreters().stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For `--numprocesses=auto`: one more than there are processors. A worker takes seconds to start."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    depends_on_nothing = {item for item in items if item.get_closest_marker("newest")}
    _leave_out(config, items, set() if _IS_NEWEST else depends_on_nothing)
    added = _added_by_full(items)
    if config.getoption("--only-full"):
        larger = {item for item in items if "full" in getattr(item, "fixturenames", ())}
        _leave_out(config, items, set(items) - added - larger)
    elif not config.getoption("--full"):
        _leave_out(config, items, added)


def _leave_out(config: pytest.Config, items: list[pytest.Item], others: set[pytest.Item]) -> None:
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


def _added_by_full(items: list[pytest.Item]) -> set[pytest.Item]:
    """The tests of most scenarios; those marked so; of tests that alternate, all but one flavor and kind of spans."""
    added = {item for item in items if item.get_closest_marker("full") or _is_like_another(**_parameters(item))}
    alike: dict[tuple[str, ...], list[pytest.Item]] = {}
    for item in items:
        if item not in added and item.get_closest_marker("alternates"):
            values = [f"{name}={value}" for name, value in _parameters(item).items() if name not in _ALTERNATING]
            alike.setdefault((item.nodeid.partition("[")[0], *values), []).append(item)
    places: dict[str, dict[str, int]] = {}
    for (test, *values), variants in alike.items():
        # The sum of the places of its values: every two values of different parameters meet in some test.
        known = [places.setdefault(test + value.partition("=")[0], {}) for value in values]
        place = sum(of_name.setdefault(value, len(of_name)) for of_name, value in zip(known, values, strict=True))
        added.update(variant for number, variant in enumerate(variants) if number != place % len(variants))
    return added


def _is_like_another(model: object = None, style: object = None, **_others: object) -> bool:
    return model in _LEFT_OUT or waits_like_another(model, style)


def _parameters(item: pytest.Item) -> Mapping[str, object]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params
