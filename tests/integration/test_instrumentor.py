"""What `instrument()` accepts and rejects, and what it does with an unexpected SDK."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import opentelemetry.version
import pytest
from anthropic import _streaming

from midstream import AnthropicInstrumentor
from midstream._sdk.targets import TARGETS, Role
from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, client
from support.styles import STYLES, see

if TYPE_CHECKING:
    from collections.abc import Iterator

    from midstream.faults import FaultServer
    from support.exported import Exported


@pytest.fixture(autouse=True)
def uninstrumented() -> Iterator[None]:
    yield
    if AnthropicInstrumentor().is_instrumented_by_opentelemetry:
        AnthropicInstrumentor().uninstrument()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spans": "maybe"}, "instrument(spans='maybe'): spans must be True or False"),
        ({"chunk_timings": 1}, "instrument(chunk_timings=1): chunk_timings must be True or False"),
        (
            {"genai_metrics": "new"},
            "instrument(genai_metrics='new'): genai_metrics must be one of '1.41', 'next', 'both'",
        ),
        (
            {"tracer_provider": 7},
            (
                "instrument(tracer_provider=<int>): tracer_provider must be an OpenTelemetry provider, "
                "which has get_tracer()"
            ),
        ),
        (
            {"span": True},
            (
                "instrument(span=...): unknown option 'span'; valid options: "
                "tracer_provider, meter_provider, logger_provider, spans, chunk_timings, genai_metrics, errors, log"
            ),
        ),
        (
            {"errors": "right"},
            "instrument(errors='right'): errors must be one of 'unchanged', 'corrected'",
        ),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="instrument") as raised:
        AnthropicInstrumentor().instrument(**options)
    assert str(raised.value) == message
    assert not AnthropicInstrumentor().is_instrumented_by_opentelemetry


def test_a_wrong_environment_variable_is_one_warning_and_the_default(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MIDSTREAM_SPANS", "perhaps")
    AnthropicInstrumentor().instrument(**exported.providers)
    with client(server, parse("ok")) as made:
        see(STYLES["create"], made, "ok")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "ignoring MIDSTREAM_SPANS='perhaps': expected one of on, off, true, false, 1, 0; using on"
    ]
    assert exported.span.name == "chat ok"


def test_every_patch_target_exists_in_this_sdk() -> None:
    found = {t.name for t in TARGETS if hasattr(getattr(sys.modules[t.module], t.owner), t.method)}
    # Where the SDK has no own spans, its `_request` does not run inside one.
    wanted = {t.name for t in TARGETS if HAS_OWN_SPANS or not t.optional}
    assert wanted - found == set()


@pytest.mark.parametrize("version", ["0.48.9", "3.0.0", "nonsense"])
def test_an_sdk_outside_the_range_is_one_warning_and_stays_as_it_is(
    version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    close = vars(_streaming.Stream)["close"]
    monkeypatch.setattr(anthropic, "__version__", version)
    AnthropicInstrumentor().instrument(skip_dep_check=True)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"midstream does not observe anthropic {version}: it supports 0.49 and later, below 3"
    ]
    assert vars(_streaming.Stream)["close"] is close


@pytest.mark.parametrize(("version", "refused"), [("1.29.0", True), ("0.9b0", True), ("1.30.0", False), ("?", False)])
def test_an_opentelemetry_that_is_too_old_is_one_warning_and_the_sdk_stays_as_it_is(
    version: str, refused: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    close = vars(_streaming.Stream)["close"]
    monkeypatch.setattr(opentelemetry.version, "__version__", version)
    AnthropicInstrumentor().instrument(skip_dep_check=True)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"midstream does not observe calls: it needs opentelemetry-api 1.30 or later, and found {version}"
    ][: int(refused)]
    assert (vars(_streaming.Stream)["close"] is close) == refused
    assert AnthropicInstrumentor().is_instrumented_by_opentelemetry != refused


def test_the_options_of_the_base_class_are_options_with_every_opentelemetry(exported: Exported) -> None:
    AnthropicInstrumentor().instrument(skip_dep_check=True, raise_exception_on_conflict=True, **exported.providers)
    assert AnthropicInstrumentor().is_instrumented_by_opentelemetry


REQUIRED = [target for target in TARGETS if not target.optional]
OPTIONAL = [target for target in TARGETS if target.optional]
ENDED: dict[Role, dict[str, int]] = {
    Role.CALLS: {},
    Role.STREAMS: {"completed": 1},
    **{role: {"completed": 2} for role in (Role.LINES, Role.ANSWERS, Role.HELPERS)},
}
"""By what a missing target is needed for, the outcomes of a message and a stream."""


def test_only_a_method_that_every_call_needs_switches_off_everything() -> None:
    owners = {(target.owner, target.method) for target in TARGETS if target.role is Role.CALLS}
    requests = {("SyncAPIClient", "request"), ("AsyncAPIClient", "request"), ("BaseClient", "_build_request")}
    assert owners == requests


@pytest.mark.parametrize("target", REQUIRED, ids=lambda target: target.name)
def test_a_missing_target_is_one_warning_and_switches_off_what_depends_on_it(
    target: Any,
    server: FaultServer,
    exported: Exported,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost = "anything" if target.role is Role.CALLS else target.role.value
    owner = getattr(sys.modules[target.module], target.owner)
    with client(server, parse("ok")) as made:
        with monkeypatch.context() as patch:
            patch.delattr(owner, target.method)
            AnthropicInstrumentor().instrument(**exported.providers)
        seen = [see(STYLES[style], made, "ok") for style in ("create", "create(stream=True) in a loop")]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"midstream does not observe {lost}: this version of anthropic has no {target.name}"
    ]
    assert [(len(one.events), one.error) for one in seen] == [(1, None), (9, None)]
    assert exported.outcomes() == ENDED[target.role]


@pytest.mark.skipif(not HAS_OWN_SPANS, reason="this SDK makes no spans (below 1.14)")
@pytest.mark.parametrize("target", OPTIONAL, ids=lambda target: target.name)
def test_without_an_optional_target_the_span_is_found_where_a_request_is_built(
    target: Any,
    server: FaultServer,
    exported: Exported,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("midstream._sdk.patches.TARGETS", [one for one in TARGETS if one is not target])
        AnthropicInstrumentor().instrument(**exported.providers)
    with client(server, parse("cut"), exported.tracer_provider) as made:
        see(STYLES["create(stream=True) in a loop"], made, "cut")
    assert [record for record in caplog.records if record.levelno == logging.WARNING] == []
    assert (exported.span.attributes or {})["midstream.outcome"] == "truncated"


def test_clients_made_before_instrument_are_observed_too(server: FaultServer, exported: Exported) -> None:
    with client(server, parse("cut")) as made:
        AnthropicInstrumentor().instrument(**exported.providers)
        see(STYLES["stream() events"], made, "cut")
    assert exported.outcomes() == {"truncated": 1}


def test_instrument_does_not_import_the_sdk_and_patches_it_when_it_is_imported() -> None:
    program = """
import sys, midstream
midstream.AnthropicInstrumentor().instrument()
assert "anthropic" not in sys.modules
assert not {name for name in sys.modules if name.startswith(("midstream._sdk", "midstream._outcomes"))}
import anthropic
from anthropic import _streaming
assert hasattr(vars(_streaming.Stream)["close"], "__wrapped__")
midstream.AnthropicInstrumentor().uninstrument()
assert type(vars(_streaming.Stream)["close"]).__name__ == "function"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_uninstrument_before_the_sdk_is_imported_leaves_nothing_behind() -> None:
    program = """
import midstream
midstream.AnthropicInstrumentor().instrument()
midstream.AnthropicInstrumentor().uninstrument()
from anthropic import _streaming
assert type(vars(_streaming.Stream)["close"]).__name__ == "function"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_instrumenting_repeatedly_without_the_sdk_leaves_nothing_behind() -> None:
    program = """
import gc, sys, midstream
from midstream._observation import Observation
from wrapt.importer import _post_import_hooks as hooks
def alive():
    gc.collect()
    return sum(type(one) is Observation for one in gc.get_objects())
for _ in range(50):
    midstream.AnthropicInstrumentor().instrument()
    midstream.AnthropicInstrumentor().uninstrument()
assert (len(hooks["anthropic"]), alive(), "anthropic" in sys.modules) == (1, 0, False)
midstream.AnthropicInstrumentor().instrument()
import anthropic
assert hasattr(vars(anthropic.Stream)["close"], "__wrapped__")
assert "anthropic" not in hooks
midstream.AnthropicInstrumentor().uninstrument()
assert not hasattr(vars(anthropic.Stream)["close"], "__wrapped__")
assert alive() == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_patch_of_somebody_else_over_ours_survives_and_ours_does_nothing_any_more(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is undone last: after the test it is as it was before.
    monkeypatch.setattr(_streaming.Stream, "close", vars(_streaming.Stream)["close"])
    AnthropicInstrumentor().instrument(**exported.providers)
    ours = vars(_streaming.Stream)["close"]

    def theirs(stream: Any) -> None:
        ours.__get__(stream, type(stream))()

    monkeypatch.setattr(_streaming.Stream, "close", theirs)
    AnthropicInstrumentor().uninstrument()
    assert vars(_streaming.Stream)["close"] is theirs
    with client(server, parse("ok")) as made:
        assert see(STYLES["create(stream=True) in a with block"], made, "ok").error is None
    assert exported.spans == []
