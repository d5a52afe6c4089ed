"""What each process of a program records: its spans and metrics go into a file with its number.

The programs of the tests import this module too. It is to be imported by name in a process that is spawned.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from support.clients import HAS_OWN_SPANS, async_client, client
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    import anthropic

__all__ = ("Told", "World", "leave", "program", "spans", "told", "waited")

_TESTS: Final = str(Path(__file__).parents[1])

_NO_INTERVAL: Final = 3_600_000.0
"""Milliseconds. Metrics are exported when a process is flushed, and at its exit."""


class _Spans(SpanExporter):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        _write(self._folder, [_span(span) for span in spans], "spans")
        return SpanExportResult.SUCCESS


class _Metrics(MetricExporter):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **_options: Any) -> MetricExportResult:
        del timeout_millis
        found = json.loads(metrics_data.to_json(indent=None))
        _write(self._folder, [found], "metrics")
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_options: Any) -> None:
        del timeout_millis


def _span(span: Any) -> dict[str, Any]:
    parent = None if span.parent is None else span.parent.span_id
    return {"id": span.context.span_id, "parent": parent, "attributes": dict(span.attributes or {})}


def _write(folder: Path, items: list[Any], kind: str) -> None:
    with (folder / f"{os.getpid()}.{kind}").open("a") as file:
        file.writelines(f"{json.dumps(item)}\n" for item in items)


@dataclass(frozen=True)
class World:
    """What a program of a test has: where it calls, where it exports to, and whose spans there are."""

    url: str
    folder: str
    spans: str
    observed: bool = True

    def begin(self) -> None:
        """Sets providers up, and instruments."""
        from midstream import AnthropicInstrumentor

        folder = Path(self.folder)
        tracing = TracerProvider()
        tracing.add_span_processor(BatchSpanProcessor(_Spans(folder), schedule_delay_millis=_NO_INTERVAL))
        trace.set_tracer_provider(tracing)
        reader = PeriodicExportingMetricReader(_Metrics(folder), export_interval_millis=_NO_INTERVAL)
        metrics.set_meter_provider(MeterProvider([reader]))
        if self.observed:
            AnthropicInstrumentor().instrument()

    def client(self) -> AbstractContextManager[anthropic.Anthropic]:
        """A sync client that does not retry."""
        return client(*self._options)

    def async_client(self) -> AbstractAsyncContextManager[anthropic.AsyncAnthropic]:
        """An async client that does not retry."""
        return async_client(*self._options)

    def call(self, model: str) -> None:
        """Reads a stream to its end, however it ends."""
        with self.client() as made:
            self.read(made, model)

    def call_async(self, model: str) -> None:
        """The same with an async client, on a new event loop."""

        async def run() -> None:
            async with self.async_client() as made:
                # Whatever it is, it is in the output.
                with suppress(Exception):
                    async for _ in await made.messages.create(**arguments(model), stream=True):
                        pass

        asyncio.run(run())

    @staticmethod
    def read(made: Any, model: str) -> None:
        """A stream of `made` that is read to its end, whatever that is."""
        # Whatever it is, it is in the output.
        with suppress(Exception):
            for _ in made.messages.create(**arguments(model), stream=True):
                pass

    @property
    def _options(self) -> Any:
        provider = trace.get_tracer_provider() if HAS_OWN_SPANS and self.spans == "sdk" else None
        return SimpleNamespace(url=self.url), SimpleNamespace(attempts=1, family="ok"), provider


def opened(made: Any, model: str) -> Iterator[Any]:
    """A stream after its first event."""
    stream: Iterator[Any] = made.messages.create(**arguments(model), stream=True)
    next(stream)
    return stream


def flush() -> None:
    """Exports what the process has recorded."""
    providers: tuple[Any, ...] = (trace.get_tracer_provider(), metrics.get_meter_provider())
    for provider in providers:
        provider.force_flush()


def leave(status: int = 0) -> NoReturn:
    """Ends a process that was forked, after it has exported its records, without its exit handlers."""
    flush()
    os._exit(status)


def waited(pid: int) -> int:
    """The status with which a child exits."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def child(world: World, model: str) -> None:
    """What a process that was started makes of itself: one call. To be imported by `multiprocessing`."""
    if trace.get_tracer_provider().__class__ is not TracerProvider:
        world.begin()
    world.call(model)
    flush()


def program(world: World, code: str) -> str:
    """The program `code`, with the names of this module, `world` among them."""
    return (
        f"import sys\nsys.path.insert(0, {_TESTS!r})\nfrom support.processes import *\n"
        f"from support.processes import arguments, flush, opened, trace\n"
        f"import asyncio, atexit, gc, json, os, signal, threading\n"
        f"from midstream import AnthropicInstrumentor\n"
        f"world = {world!r}\n{code}"
    )


@dataclass(frozen=True)
class Told:
    """What a process reported."""

    spans: Counter[str] = field(default_factory=Counter[str])
    """By outcome, the spans that say so."""
    operations: Counter[str] = field(default_factory=Counter[str])
    """By outcome, what `midstream.client.operations` counts. A child goes on from what its parent had counted."""
    active: int = 0
    contained: int = 0
    """What `midstream.telemetry.errors` counts."""


def spans(folder: Path, number: str = "*") -> list[dict[str, Any]]:
    """The spans of every process in `folder`, or of the one with this number: id, parent and attributes."""
    lines = (line for file in folder.glob(f"{number}.spans") for line in file.read_text().splitlines())
    return [json.loads(line) for line in lines]


def told(folder: Path) -> dict[int, Told]:
    """By number of a process, what it reported."""
    return {int(file.stem): _told(file) for file in folder.glob("*.metrics")}


def _told(file: Path) -> Told:
    points: dict[str, list[Any]] = {}
    last = json.loads(file.read_text().splitlines()[-1])
    for resource in last["resource_metrics"]:
        for scope in resource["scope_metrics"]:
            points |= {metric["name"]: metric["data"]["data_points"] for metric in scope["metrics"]}
    operations: Counter[str] = Counter()
    for point in points.get("midstream.client.operations", ()):
        operations[point["attributes"]["midstream.outcome"]] += point["value"]
    return Told(
        Counter(str(span["attributes"].get("midstream.outcome")) for span in spans(file.parent, file.stem)),
        +operations,
        sum(point["value"] for point in points.get("midstream.client.stream.active", ())),
        sum(point["value"] for point in points.get("midstream.telemetry.errors", ())),
    )
