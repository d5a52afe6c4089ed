"""Write the tables of docs/frameworks.md from calls of the frameworks that this interpreter has.

The rows of other frameworks stay as they are. With --check, print the differences and exit with 1.
"""

# The environment of the linters has none of the frameworks.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import gc
import logging
import os
import re
import sys
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

# LangChain hands its runs to OpenTelemetry, where `_traced` switches that on, and not to LangSmith.
os.environ.update(LANGSMITH_OTEL_ENABLED="true", LANGSMITH_OTEL_ONLY="true", LANGSMITH_API_KEY="none")

from collections.abc import Generator, Iterable

import anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer
from support.framework_stops import STOPS
from support.framework_trials import FAULTS, TRIALS, result_of
from writing import is_check, publish

PAGE: Final = Path(__file__).with_name("frameworks.md")

_MARKED: Final = re.compile(r"(<!-- measured: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_PACKAGE: Final = re.compile(r"^\| `([\w-]+)` ", re.MULTILINE)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")

_APPLICATION: Final = "the application's"
_MIDSTREAM: Final = "midstream.outcome"

_ORDER: Final = tuple(dict.fromkeys(trial.package for trial in TRIALS))
_INSTALLED: Final = {trial.package: trial for trial in TRIALS if trial.version is not None}

_HEADS: Final = {
    "results": ("package", "version", "SDK", "retry or fallback", "the answer is", *FAULTS.values(), "corrected"),
    "spans": ("package", "spans of a call"),
    "stops": ("package", "how the application stops", "`midstream.outcome`"),
}


def page(spans: InMemorySpanExporter, today: str) -> str:
    """Return the page with its tables made from new calls."""
    rows = {"results": list(_results()), "stops": list(_stops(spans)), "spans": list(_spans(spans))}

    def made(marked: re.Match[str]) -> str:
        name, written = marked[2], marked[3]
        if name == "date":
            return f"{marked[1]}Measured on {today}.\n{marked[4]}"
        others = [line for line in written.splitlines() if _of(line) in {*_ORDER} - {*_INSTALLED}]
        lines = sorted((*others, *map(_row, rows[name])), key=lambda line: _ORDER.index(_of(line)))
        head = (_row(_HEADS[name]), _row(("---",) * len(_HEADS[name])))
        return f"{marked[1]}" + "".join(f"{line}\n" for line in (*head, *lines)) + marked[4]

    return _MARKED.sub(made, PAGE.read_text(encoding="utf-8"))


def _of(line: str) -> str:
    """The package of a row; empty for the head."""
    found = _PACKAGE.match(line)
    return found[1] if found else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _results() -> Generator[tuple[str, ...]]:
    for trial in TRIALS:
        if trial.version is not None:
            unchanged = [result_of(trial, fault, errors="unchanged") for fault in trial.faults]
            corrected = [result_of(trial, fault, errors="corrected") for fault in trial.faults]
            counted = f"{corrected.count('whole')} of {len(corrected)}"
            kind = "streamed" if trial.is_streamed else "a document"
            versions = (f"`{trial.package}`", trial.version, anthropic.__version__)
            yield *versions, trial.how, kind, *unchanged, f"whole, {counted}"


def _stops(spans: InMemorySpanExporter) -> Generator[tuple[str, ...]]:
    AnthropicInstrumentor().instrument()
    for (package, how), stop in STOPS.items():
        if package not in _INSTALLED:
            continue
        spans.clear()
        with FaultServer() as server:
            server.script("slow:300")
            with suppress(Exception):  # of the application itself
                stop(server.url)
            gc.collect()  # a dropped stream ends when it is collected
        (call,) = filter(_is_call, spans.get_finished_spans())
        outcome: Any = (call.attributes or {})[_MIDSTREAM]
        yield f"`{package}`", how, f"`{outcome}`"
    AnthropicInstrumentor().uninstrument()


def _spans(spans: InMemorySpanExporter) -> Generator[tuple[str, ...]]:
    AnthropicInstrumentor().instrument()
    for package, trial in _INSTALLED.items():
        spans.clear()
        with FaultServer() as server, trace.get_tracer("app").start_as_current_span(_APPLICATION), _traced(package):
            server.script(trial.whole)
            trial.ask(server.url)
        yield f"`{package}`", _tree(spans.get_finished_spans())
    AnthropicInstrumentor().uninstrument()


@contextmanager
def _traced(package: str) -> Generator[None]:
    """With the framework's own spans, where it makes some with OpenTelemetry."""
    if package == "pydantic-ai-slim":
        from pydantic_ai import Agent  # noqa: PLC0415 - not in every environment

        Agent.instrument_all()
    if package not in {"langchain-anthropic", "langgraph"}:
        yield
        return
    from langsmith import tracing_context  # noqa: PLC0415
    from langsmith.run_trees import get_cached_client  # noqa: PLC0415

    with tracing_context(enabled=True):
        yield
    get_cached_client().flush()


def _tree(spans: Iterable[ReadableSpan]) -> str:
    """The spans above a call's, outermost first, and the spans beside it."""
    by_id = {span.context.span_id: span for span in spans if span.context is not None}
    (call,) = (span for span in by_id.values() if _is_call(span))
    path = [call]
    while (parent := path[0].parent) is not None:
        path.insert(0, by_id[parent.span_id])
    beside = [span.name for span in by_id.values() if span.parent == call.parent and span is not call]
    names = " > ".join(span.name if span.name == _APPLICATION else f"`{span.name}`" for span in path)
    return names + (f"; beside it `{'`, `'.join(beside)}`" if beside else "")


def _is_call(span: ReadableSpan) -> bool:
    return _MIDSTREAM in (span.attributes or {})


def main() -> int:
    """Return the exit status."""
    check = is_check(__doc__)
    logging.disable(logging.CRITICAL)  # frameworks log what they retry
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    written = PAGE.read_text(encoding="utf-8")
    today = datetime.now(timezone.utc).date().isoformat()
    made = page(spans, _DATE.findall(written)[0] if check else today)
    return publish({PAGE: made}, "the calls", check=check)


if __name__ == "__main__":
    sys.exit(main())
