"""What midstream costs: the same calls with and without it, side by side in one process, the server in another.

Each figure is the median of the differences of interleaved pairs of runs, in CPU time of this process, with the
quartiles of the differences beside it. The control measures bare against bare: what it shows is noise.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anthropic
from iterators import nanoseconds_per_event
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from server import serving

from midstream import AnthropicInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Case", "Figure", "measure", "measure_iterator")

_EVENTS = 10_000
_CALLS = 100


@dataclass(frozen=True)
class Case:
    """Something to measure: `run` does it `units` times."""

    name: str
    unit: str
    units: int
    scale: float
    """Units of time in a second: 1e9 for nanoseconds."""
    run: Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """What a case costs per unit, in the case's unit of time."""

    bare: float
    added: float
    quartiles: tuple[float, float]
    control: float

    @property
    def ratio(self) -> float:
        """With midstream, as a multiple of without."""
        return 1 + self.added / self.bare


def _options(url: str) -> dict[str, object]:
    # The SDK's own spans are off where it has them: both sides are then the same but for midstream.
    tracing = {"open_telemetry": False} if hasattr(anthropic, "_tracing") else {}
    return {"api_key": "none", "base_url": url, "max_retries": 0, **tracing}


def _stream(model: str) -> Callable[[str], None]:
    def run(url: str) -> None:
        with anthropic.Anthropic(**_options(url)) as client:  # type: ignore[arg-type]
            for _ in client.messages.create(model=model, max_tokens=1, messages=[], stream=True):
                pass

    return run


def _async_stream(model: str) -> Callable[[str], None]:
    async def call(url: str) -> None:
        async with anthropic.AsyncAnthropic(**_options(url)) as client:  # type: ignore[arg-type]
            async for _ in await client.messages.create(model=model, max_tokens=1, messages=[], stream=True):
                pass

    return lambda url: asyncio.run(call(url))


def _helper(model: str) -> Callable[[str], None]:
    def run(url: str) -> None:
        with (
            anthropic.Anthropic(**_options(url)) as client,  # type: ignore[arg-type]
            client.messages.stream(model=model, max_tokens=1, messages=[]) as stream,
        ):
            for _ in stream:
                pass

    return run


def _messages(url: str) -> None:
    with anthropic.Anthropic(**_options(url)) as client:  # type: ignore[arg-type]
        for _ in range(_CALLS):
            client.messages.create(model="whole", max_tokens=1, messages=[])


def _short_streams(url: str) -> None:
    with anthropic.Anthropic(**_options(url)) as client:  # type: ignore[arg-type]
        for _ in range(_CALLS):
            for _ in client.messages.create(model="events:4", max_tokens=1, messages=[], stream=True):
                pass


def _failing_streams(url: str) -> None:
    with anthropic.Anthropic(**_options(url)) as client:  # type: ignore[arg-type]
        for _ in range(_CALLS):
            try:
                for _ in client.messages.create(model="overloaded", max_tokens=1, messages=[], stream=True):
                    pass
            except anthropic.APIStatusError:
                continue


CASES = (
    Case("event, sync", "ns", _EVENTS, 1e9, _stream(f"events:{_EVENTS}")),
    Case("event, async", "ns", _EVENTS, 1e9, _async_stream(f"events:{_EVENTS}")),
    Case("event, sync, messages.stream()", "ns", _EVENTS, 1e9, _helper(f"events:{_EVENTS}")),
    Case("event in a chunk of its own, sync", "ns", _EVENTS, 1e9, _stream(f"chunked:{_EVENTS}")),
    Case("event in a chunk of its own, async", "ns", _EVENTS, 1e9, _async_stream(f"chunked:{_EVENTS}")),
    Case("call, not streamed", "us", _CALLS, 1e6, _messages),
    Case("stream of nine events", "us", _CALLS, 1e6, _short_streams),
    Case("stream failing after four events", "us", _CALLS, 1e6, _failing_streams),
)


def _timed(case: Case, url: str) -> float:
    gc.collect()
    started = time.process_time()
    case.run(url)
    return (time.process_time() - started) / case.units * case.scale


def _figure(bare: Callable[[], float], observed: Callable[[], float], pairs: int) -> Figure:
    """Measures in turn: bare, observed, bare; after one round to warm up."""
    runs = [(bare(), observed(), bare()) for _ in range(pairs + 1)][1:]
    # Against the mean of the runs on both sides of it, so that a drift of the machine cancels out.
    added = [between - (first + second) / 2 for first, between, second in runs]
    low, _, high = statistics.quantiles(added, n=4)
    return Figure(
        bare=statistics.median([first for first, _, _ in runs]),
        added=statistics.median(added),
        quartiles=(low, high),
        control=statistics.median([second - first for first, _, second in runs]),
    )


def measure(case: Case, url: str, pairs: int) -> Figure:
    """Runs `case` with and without midstream in turn."""
    instrumentor = AnthropicInstrumentor()
    providers = {
        "tracer_provider": TracerProvider(shutdown_on_exit=False),
        "meter_provider": MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False),
        "logger_provider": LoggerProvider(shutdown_on_exit=False),
    }

    def observed() -> float:
        instrumentor.instrument(**providers)
        try:
            return _timed(case, url)
        finally:
            instrumentor.uninstrument()

    return _figure(lambda: _timed(case, url), observed, pairs)


def measure_iterator(flavor: str, pairs: int) -> Figure:
    """The event iterator by itself, `sync` or `async`."""
    return _figure(
        lambda: nanoseconds_per_event(flavor, observed=False),
        lambda: nanoseconds_per_event(flavor, observed=True),
        pairs,
    )


def _row(name: str, unit: str, figure: Figure) -> str:
    low, high = figure.quartiles
    return (
        f"{name:36} {figure.bare:8.0f} {unit} {figure.added:7.0f} {unit} "
        f"{low:8.0f} ..{high:8.0f} {figure.ratio:7.3f} {figure.control:6.0f} {unit}"
    )


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs per case (15)")
    parser.add_argument("--only", default="", help="only cases with this text in their name")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, anthropic {anthropic.__version__}, {arguments.pairs} pairs, CPU time")
    print(f"{'per':36} {'bare':>10} {'added':>10} {'quartiles':>19} {'ratio':>7} {'control':>9}")
    for flavor in ("sync", "async"):
        print(
            _row(f"event, {flavor}, the iterator alone", "ns", measure_iterator(flavor, 4 * arguments.pairs)),
            flush=True,
        )
    with serving() as url:
        for case in CASES:
            if arguments.only in case.name:
                print(_row(case.name, case.unit, measure(case, url, arguments.pairs)), flush=True)


if __name__ == "__main__":
    main()
