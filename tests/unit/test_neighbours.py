"""Another instrumentation that makes spans for the same calls is warned about once, with the way out."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from midstream import _neighbours as neighbours
from midstream._neighbours import NEIGHBOURS, active_neighbours, warn_of_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BY_MODULE = {one.module: one for one in NEIGHBOURS}

BESIDE_OURS = (
    " makes a span for every call of the Anthropic SDK, and midstream makes another. To keep only the first, set "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
BESIDE_THE_SDKS = (
    " makes a span for every call of the Anthropic SDK, and the SDK makes another, which midstream enriches. To keep "
    "only the second, do not load the first. To keep only the first, set ANTHROPIC_OPEN_TELEMETRY=false and "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
HIDDEN = (
    "midstream does not observe calls of the Anthropic SDK under suppress_instrumentation(), which "
    "logfire.instrument_anthropic() applies to them. To prevent that, pass suppress_other_instrumentation=False."
)
OPENLLMETRY = "OpenLLMetry (opentelemetry-instrumentation-anthropic)"


@pytest.fixture(autouse=True)
def nobody_and_nothing_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A process with an SDK that makes no spans, and without neighbours."""
    for module in BY_MODULE:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.delenv("ANTHROPIC_OPEN_TELEMETRY", raising=False)
    monkeypatch.setattr(neighbours, "_warned", set[tuple[str, bool]]())
    caplog.set_level(logging.DEBUG, logger="midstream")
    load(monkeypatch, "anthropic", __version__="1.13.9")


def load(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: Any) -> None:
    module = ModuleType(name)
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, name, module)


def instrumentor(*, active: object) -> Any:
    """The class of a `BaseInstrumentor`, whose one object says that it is `active`."""
    return SimpleNamespace(_instance=SimpleNamespace(is_instrumented_by_opentelemetry=active))


def load_instrumentor(monkeypatch: pytest.MonkeyPatch, module: str, *, active: object = True) -> None:
    load(monkeypatch, module, AnthropicInstrumentor=instrumentor(active=active))


def load_logfire(monkeypatch: pytest.MonkeyPatch, _module: str = "logfire", *, active: object = True) -> None:
    marked = SimpleNamespace(_is_instrumented_by_logfire=active)
    load(monkeypatch, "anthropic", __version__="1.13.9", Anthropic=object, AsyncAnthropic=marked)
    load(monkeypatch, "logfire")


class SentryClient:
    """A client of Sentry's, with tracing or without."""

    def __init__(self, *, tracing: object, integrations: Mapping[str, object]) -> None:
        self.options = {"tracing": tracing}
        self.integrations = integrations

    def get_integration(self, name: str) -> object | None:
        return self.integrations.get(name)


def has_tracing_enabled(options: Mapping[str, object]) -> object:
    return options["tracing"]


def load_sentry(
    monkeypatch: pytest.MonkeyPatch, module: str, *, active: object = True, integration: str = "anthropic"
) -> None:
    client = SentryClient(tracing=active, integrations={integration: object()})
    load(monkeypatch, "sentry_sdk", get_client=lambda: client)
    load(monkeypatch, "sentry_sdk.tracing_utils", has_tracing_enabled=has_tracing_enabled)
    load(monkeypatch, module)


LOADERS: dict[str, Callable[..., None]] = {
    "opentelemetry.instrumentation.anthropic": load_instrumentor,
    "openinference.instrumentation.anthropic": load_instrumentor,
    "opentelemetry.instrumentation.genai.anthropic": load_instrumentor,
    "logfire": load_logfire,
    "sentry_sdk.integrations.anthropic": load_sentry,
}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {(record.name, record.levelname) for record in caplog.records} <= {("midstream", "WARNING")}
    return [record.getMessage() for record in caplog.records]


def test_every_neighbour_is_tried_here() -> None:
    assert list(LOADERS) == [one.module for one in NEIGHBOURS]


def test_alone_there_is_nothing_to_warn_about(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_neighbours(spans=True)
    warn_of_neighbours(spans=True, hidden=True)
    assert (active_neighbours(), warnings(caplog)) == ((), [])


@pytest.mark.parametrize("module", LOADERS)
def test_an_active_neighbour_is_warned_about_by_name_and_once(
    module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    LOADERS[module](monkeypatch, module)
    warn_of_neighbours(spans=True)
    warn_of_neighbours(spans=True)
    assert active_neighbours() == (BY_MODULE[module],)
    assert warnings(caplog) == [BY_MODULE[module].name + BESIDE_OURS]


@pytest.mark.parametrize("module", LOADERS)
def test_a_neighbour_that_is_loaded_but_not_active_is_ignored(
    module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    LOADERS[module](monkeypatch, module, active=False)
    warn_of_neighbours(spans=True)
    assert (active_neighbours(), warnings(caplog)) == ((), [])


@pytest.mark.parametrize("module", LOADERS)
def test_without_spans_a_neighbour_does_not_matter(
    module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    LOADERS[module](monkeypatch, module)
    warn_of_neighbours(spans=False)
    assert warnings(caplog) == []


def test_a_neighbour_that_comes_later_is_warned_about_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load_instrumentor(monkeypatch, "opentelemetry.instrumentation.anthropic")
    warn_of_neighbours(spans=True)
    load_logfire(monkeypatch)
    warn_of_neighbours(spans=True)
    assert warnings(caplog) == [OPENLLMETRY + BESIDE_OURS, "logfire.instrument_anthropic()" + BESIDE_OURS]


@pytest.mark.parametrize(
    ("version", "told", "warning"),
    [
        ("2.11.0", None, BESIDE_THE_SDKS),
        ("1.14.0", "true", BESIDE_THE_SDKS),
        ("1.14.0", "False", BESIDE_OURS),
        ("1.13.9", None, BESIDE_OURS),
        ("0.125.0", None, BESIDE_OURS),
        ("nonsense", None, BESIDE_OURS),
    ],
)
def test_the_way_out_is_another_where_the_sdk_makes_spans(
    version: str, told: str | None, warning: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load(monkeypatch, "anthropic", __version__=version)
    if told is not None:
        monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", told)
    load_instrumentor(monkeypatch, "opentelemetry.instrumentation.anthropic")
    warn_of_neighbours(spans=True)
    assert warnings(caplog) == [OPENLLMETRY + warning]


@pytest.mark.parametrize("spans", [True, False])
def test_a_neighbour_that_hides_calls_is_warned_about_once_when_a_call_is_hidden(
    spans: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load_instrumentor(monkeypatch, "opentelemetry.instrumentation.anthropic")
    load_logfire(monkeypatch)
    warn_of_neighbours(spans=spans, hidden=True)
    warn_of_neighbours(spans=spans, hidden=True)
    assert warnings(caplog) == [HIDDEN]


def test_sentry_without_the_integration_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    load_sentry(monkeypatch, "sentry_sdk.integrations.anthropic", integration="openai")
    assert active_neighbours() == ()


def test_an_instrumentor_that_does_not_exist_is_not_created(monkeypatch: pytest.MonkeyPatch) -> None:
    class AnthropicInstrumentor:
        _instance = None

        def __init__(self) -> NoReturn:
            raise AssertionError

    load(monkeypatch, "opentelemetry.instrumentation.anthropic", AnthropicInstrumentor=AnthropicInstrumentor)
    assert active_neighbours() == ()


class Hostile:
    """Raises at every access."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(name)


@pytest.mark.parametrize("kind", [Hostile, SimpleNamespace, dict, int])
@pytest.mark.parametrize(
    ("neighbour", "module"),
    [
        *((one, one) for one, load in LOADERS.items() if load is load_instrumentor),
        ("logfire", "anthropic"),
        ("sentry_sdk.integrations.anthropic", "sentry_sdk"),
        ("sentry_sdk.integrations.anthropic", "sentry_sdk.tracing_utils"),
    ],
)
def test_a_neighbour_with_an_unexpected_shape_is_ignored(
    neighbour: str, module: str, kind: type, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    LOADERS[neighbour](monkeypatch, neighbour)
    monkeypatch.setitem(sys.modules, module, kind())
    warn_of_neighbours(spans=True)
    assert (active_neighbours(), warnings(caplog)) == ((), [])


def test_looking_for_neighbours_imports_none() -> None:
    program = """
import sys
from midstream import _neighbours as neighbours
before = set(sys.modules)
neighbours.warn_of_neighbours(spans=True)
assert set(sys.modules) == before, set(sys.modules) - before
assert "anthropic" not in before and "opentelemetry" not in before
"""
    subprocess.run([sys.executable, "-c", program], check=True)
