"""Where each attribute stands, what a metric says by default, and the fixed names around them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from midstream._outcomes import Outcome
from midstream._telemetry.attributes import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES, When
from midstream._telemetry.metrics import (
    COUNTER_DEFAULTS,
    METRICS,
    NEXT_METRICS,
    NORMAL_FLAGS,
    Instrument,
    metrics_with,
)
from midstream._telemetry.scope import EVENT_NAME, SCHEMA_URL, SCOPE, GenAIMetrics
from telemetry_contract import ATTRIBUTES

DOCS = Path(__file__).parents[2] / "docs"
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


def test_the_fixed_names_are_these() -> None:
    assert (SCOPE, SCHEMA_URL, EVENT_NAME) == (
        "midstream",
        "https://opentelemetry.io/schemas/1.41.0",
        "gen_ai.client.operation.exception",
    )


def test_every_attribute_is_on_the_calls_of_the_contract() -> None:
    found: dict[str, set[str]] = {}
    for name, attribute in ATTRIBUTES.items():
        found.setdefault(attribute.on, set()).add(name)
    assert found == {
        "every call, from its start": {
            "gen_ai.operation.name",
            "gen_ai.provider.name",
            "gen_ai.request.model",
            "gen_ai.request.stream",
            "gen_ai.request.max_tokens",
            "gen_ai.request.temperature",
            "gen_ai.request.top_p",
            "gen_ai.request.top_k",
            "gen_ai.request.stop_sequences",
            "gen_ai.output.type",
            "server.address",
            "server.port",
        },
        "every call": {
            "midstream.outcome",
            "http.response.status_code",
            "http.request.resend_count",
            "anthropic.request.id",
            "gen_ai.response.id",
            "gen_ai.response.model",
            "gen_ai.response.finish_reasons",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
        },
        "failed calls": {
            "midstream.phase",
            "midstream.reported.status_code",
            "midstream.leaked",
            "midstream.misreported",
            "midstream.corrected",
            "midstream.retryable",
            "error.type",
        },
        "`http_error`, `in_band_error`": {"midstream.status_code", "midstream.status_code.source"},
        "`in_band_error`": {"midstream.in_band.request_id"},
        "streams": {
            "midstream.stream.bytes",
            "midstream.stream.longest_wait",
            "gen_ai.response.time_to_first_chunk",
        },
        "failed streams": {"midstream.stream.last_event"},
    }


def test_the_page_describes_every_attribute_as_the_code_records_it() -> None:
    on = {"every call": When.CALL, "streams": When.STREAM}
    ended = {a.name: a.when for a in CALL_ATTRIBUTES}
    started = {a.name for a in REQUEST_ATTRIBUTES}
    assert {name: on.get(ATTRIBUTES[name].on, When.FAILURE) for name in ended} == ended
    assert {name for name, attribute in ATTRIBUTES.items() if attribute.on.endswith("start")} == started
    assert set(ATTRIBUTES) == started | set(ended)


def test_no_attribute_and_no_metric_is_there_twice() -> None:
    metrics = [m.name for m in (*METRICS, *NEXT_METRICS)]
    names = [a.name for a in REQUEST_ATTRIBUTES] + [a.name for a in CALL_ATTRIBUTES] + metrics
    assert len(names) == len(set(names))


def test_every_attribute_of_a_metric_is_known() -> None:
    known = {a.name for a in REQUEST_ATTRIBUTES} | {a.name for a in CALL_ATTRIBUTES}
    used = {name for metric in (*METRICS, *NEXT_METRICS) for name in metric.attributes}
    assert used - known == {"gen_ai.token.type", "gen_ai.token.modality", "midstream.component"}


def test_whatever_names_are_chosen_the_metrics_of_our_own_are_there() -> None:
    ours = {m for m in METRICS if m.name.startswith("midstream.")}
    (duration,) = (m for m in METRICS if m.name == "gen_ai.client.operation.duration")
    found = {names: set(metrics_with(names)) for names in GenAIMetrics}
    assert found == {
        GenAIMetrics.V1_41: set(METRICS),
        GenAIMetrics.NEXT: {*ours, duration, *NEXT_METRICS},
        GenAIMetrics.BOTH: {*METRICS, *NEXT_METRICS},
    }


def test_every_histogram_has_the_buckets_of_the_genai_conventions() -> None:
    histograms = [m for m in (*METRICS, *NEXT_METRICS) if m.instrument is Instrument.HISTOGRAM]
    assert {m.name: m.buckets for m in histograms} == {
        "midstream.client.stream.longest_wait": SECONDS,
        "gen_ai.client.operation.duration": SECONDS,
        "gen_ai.client.operation.time_to_first_chunk": SECONDS,
        "gen_ai.client.operation.time_per_output_chunk": SECONDS,
        "gen_ai.client.token.usage": TOKENS,
        "gen_ai.client.inference.duration": SECONDS,
        "gen_ai.client.inference.time_to_first_chunk": SECONDS,
        "gen_ai.client.inference.time_per_output_chunk": SECONDS,
        "gen_ai.client.inference.operation.input_tokens": TOKENS,
        "gen_ai.client.inference.operation.output_tokens": TOKENS,
    }


def test_counters_have_false_where_a_span_has_nothing() -> None:
    assert dict(COUNTER_DEFAULTS) == {
        "gen_ai.request.stream": False,
        "midstream.leaked": False,
        "midstream.misreported": False,
    }


def test_the_flags_that_an_outcome_normally_has_are_those_of_the_contract() -> None:
    neither, leaked, misreported = (False, False), (True, False), (False, True)
    assert dict(NORMAL_FLAGS) == {
        Outcome.COMPLETED: neither,
        Outcome.HTTP_ERROR: neither,
        Outcome.CONNECTION_ERROR: neither,
        Outcome.IN_BAND_ERROR: misreported,
        Outcome.TRANSPORT_ERROR: leaked,
        Outcome.TRUNCATED: neither,
        Outcome.MALFORMED: leaked,
        Outcome.CLIENT_ERROR: neither,
        Outcome.CANCELLED: neither,
        Outcome.ABANDONED: neither,
    }


def test_every_meaning_is_a_sentence_that_fits_into_a_table() -> None:
    meanings = [attribute.meaning for attribute in ATTRIBUTES.values()]
    assert [meaning for meaning in meanings if not meaning.endswith(".") or "|" in meaning or "\n" in meaning] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("telemetry.py", "telemetry_contract.py", "telemetry.md", "writing.py"):
        shutil.copy(DOCS / name, folder / name)
    return folder


def generate(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, folder / "telemetry.py", *arguments], check=False, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_page_that_differs_is_shown_as_a_difference(copy: Path) -> None:
    page = copy / "telemetry.md"
    page.write_text(
        page.read_text(encoding="utf-8").replace("`midstream.leaked`", "`midstream.leeked`"), encoding="utf-8"
    )
    status, shown = generate(copy, "--check")
    lines = shown.splitlines()
    assert (status, lines[0], lines[1]) == (1, "--- docs/telemetry.md", "+++ the contract")
    assert [line[:22] for line in lines if line.startswith("-| `midstream.lee")] == ["-| `midstream.leeked` "]
    assert [line[:22] for line in lines if line.startswith("+| `midstream.lea")] == ["+| `midstream.leaked` "]


def test_a_page_that_is_missing_differs_and_is_written_again(copy: Path) -> None:
    (copy / "telemetry.md").unlink()
    assert generate(copy, "--check")[0] == 1
    assert (generate(copy), generate(copy, "--check")) == ((0, ""), (0, ""))
    assert (copy / "telemetry.md").read_bytes() == (DOCS / "telemetry.md").read_bytes()
