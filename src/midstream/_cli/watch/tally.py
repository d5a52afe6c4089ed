"""Adds up what arrives over OTLP, from any number of processes and services."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from threading import Lock
from typing import Final, NamedTuple

from midstream._cli.watch.boot.midstream_watch import PROBLEM
from midstream._cli.watch.distribution import Distribution
from midstream._cli.watch.inside import PROCESS
from midstream._cli.watch.otlp import LogEvent, Point, Source
from midstream._outcomes.vocabulary import Outcome
from midstream._telemetry.metrics import OPEN_STREAMS, OPERATIONS
from midstream._telemetry.scope import EVENT_NAME

MAX_FAILURES: Final = 1000
"""The lines of failed calls that are kept: the last ones."""

_ERRORS: Final = "midstream.client.errors"
_FIRST_CHUNK: Final = ("gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.inference.time_to_first_chunk")
_TOKENS: Final = {
    "input": ("gen_ai.client.token.usage", "gen_ai.client.inference.usage.input_tokens"),
    "output": ("gen_ai.client.token.usage", "gen_ai.client.inference.usage.output_tokens"),
}
"""By the names of the released conventions, and by those of the next ones."""

_KEPT: Final = {OPERATIONS.name, OPEN_STREAMS.name, _ERRORS, *_FIRST_CHUNK, *_TOKENS["input"], *_TOKENS["output"]}


FLAGS: Final = ("leaked", "misreported", "corrected")
"""Of failures: the first two are what the SDK did, the last what the application got."""


class Ended(NamedTuple):
    """What ended calls have in common."""

    outcome: Outcome
    leaked: bool
    misreported: bool
    corrected: bool
    """`False` without a cause."""
    cause: str
    """The error type of failures, with the status if that is another word. Empty if it is not counted by cause."""


@dataclass(frozen=True)
class FailedCall:
    """A failed call in words."""

    time: int
    """In nanoseconds since the epoch. 0 if unknown."""
    source: str
    model: str
    outcome: str
    line: str

    def __str__(self) -> str:
        """The failed call in one line, with the time of day here."""
        when = datetime.fromtimestamp(self.time / 1e9, timezone.utc).astimezone().strftime("%H:%M:%S")
        return " ".join(filter(None, (when, self.outcome, self.model, "-", self.line)))


@dataclass(frozen=True)
class Figures:
    """Everything so far."""

    calls: Mapping[Ended, int]
    """Without a cause."""
    causes: Mapping[Ended, int]
    """The failures, with their causes."""
    open_streams: int
    lost_streams: int
    """The streams that were open when their process ended, without a report."""
    input_tokens: int
    output_tokens: int
    first_chunk: Distribution
    failures: tuple[FailedCall, ...]
    """The last ones, at most `MAX_FAILURES`."""
    processes: int
    """How many processes reported that they import the SDK."""
    versions: tuple[str, ...]
    problems: tuple[str, ...]

    def count(self, *outcomes: Outcome) -> int:
        """The calls with one of `outcomes`; all calls without any."""
        return sum(n for ended, n in self.calls.items() if not outcomes or ended.outcome in outcomes)

    @property
    def success(self) -> float | None:
        """The share of calls that succeeded, without those that the application ended itself. `None` without any."""
        return self._share(Outcome.COMPLETED)

    @property
    def success_by_http(self) -> float | None:
        """The share that succeeded as HTTP monitoring sees it."""
        return self._share(*(outcome for outcome in _JUDGED if not outcome.is_seen_by_http))

    def _share(self, *outcomes: Outcome) -> float | None:
        judged = self.count(*_JUDGED)
        return self.count(*outcomes) / judged if judged else None


_JUDGED: Final = tuple(outcome for outcome in Outcome if outcome is Outcome.COMPLETED or outcome.is_failure)
_OUTCOMES: Final = {outcome.value: outcome for outcome in Outcome}


class _Key(NamedTuple):
    source: Source | None
    """`None` where differences of all sources are added up."""
    metric: str
    attributes: frozenset[tuple[str, str]]
    started: int | None


class Tally:
    """The telemetry so far. Thread-safe.

    `report` gets a line for each failed call and each problem, when it arrives.
    """

    def __init__(self, report: Callable[[str], object] = lambda _: None) -> None:
        self._report = report
        self._lock = Lock()
        self._values: dict[_Key, Distribution] = {}
        self._failures: deque[FailedCall] = deque(maxlen=MAX_FAILURES)
        self._notes: dict[str, Counter[str]] = {PROCESS: Counter(), PROBLEM: Counter()}
        self._lost = 0

    def add_points(self, points: Iterable[Point]) -> None:
        """Adds differences, and replaces what its source adds up itself."""
        with self._lock:
            for point in points:
                if point.metric in _KEPT:
                    is_shared = point.started is None and point.metric != OPEN_STREAMS.name
                    source = None if is_shared else point.source
                    key = _Key(source, point.metric, frozenset(point.attributes.items()), point.started)
                    before = self._values.get(key, Distribution()) if point.started is None else Distribution()
                    self._values[key] = before + point.value

    def add_events(self, events: Iterable[LogEvent]) -> None:
        """Adds failed calls, and what processes report about themselves."""
        lines: list[str] = []
        with self._lock:
            for event in events:
                if event.name == EVENT_NAME:
                    self._failures.append(_failed(event))
                    lines.append(str(self._failures[-1]))
                elif event.name in self._notes:
                    self._notes[event.name][event.body] += 1
                    self._lost += self._forget_streams(event.source.pid)
                    lines += [event.body] if event.name == PROBLEM else []
        for line in lines:
            self._report(line)

    def figures(self) -> Figures:
        """The figures now."""
        with self._lock:
            for pid in {_pid(key) for key in self._open_streams()}:
                if not _is_running(pid):
                    self._lost += self._forget_streams(pid)
            return Figures(
                calls=self._ended(OPERATIONS.name),
                causes=self._ended(_ERRORS),
                open_streams=round(sum(self._all(OPEN_STREAMS.name).values(), Distribution()).total),
                lost_streams=self._lost,
                input_tokens=self._tokens("input"),
                output_tokens=self._tokens("output"),
                first_chunk=self._first_chunk(),
                failures=tuple(self._failures),
                processes=self._notes[PROCESS].total(),
                versions=tuple(self._notes[PROCESS]),
                problems=tuple(self._notes[PROBLEM]),
            )

    def _all(self, metric: str) -> Mapping[_Key, Distribution]:
        return {key: value for key, value in self._values.items() if key.metric == metric}

    def _ended(self, metric: str) -> Mapping[Ended, int]:
        counted: Counter[Ended] = Counter()
        for key, value in self._all(metric).items():
            known = dict(key.attributes)
            outcome = _OUTCOMES.get(known.get("midstream.outcome", ""))
            if outcome is not None:
                flags = {flag: known.get(f"midstream.{flag}") == "true" for flag in FLAGS}
                counted[Ended(outcome, cause=_cause(known), **flags)] += round(value.total)
        return +counted

    def _tokens(self, kind: str) -> int:
        for metric in _TOKENS[kind]:
            found = self._all(metric).items()
            wanted = [value for key, value in found if dict(key.attributes).get("gen_ai.token.type", kind) == kind]
            if wanted:
                return round(sum(wanted, Distribution()).total)
        return 0

    def _first_chunk(self) -> Distribution:
        return next(
            (sum(found.values(), Distribution()) for found in map(self._all, _FIRST_CHUNK) if found), Distribution()
        )

    def _open_streams(self) -> Iterator[_Key]:
        """Of watched processes, which report differences, and run on this machine."""
        return (key for key in self._all(OPEN_STREAMS.name) if key.started is None)

    def _forget_streams(self, pid: int | None) -> int:
        """Forgets the open streams of a process that has ended, or became another program. Returns how many."""
        keys = [key for key in self._open_streams() if _pid(key) == pid]
        return round(sum(self._values.pop(key).total for key in keys))


def _cause(known: Mapping[str, str]) -> str:
    words = (known.get("midstream.status_code"), known.get("error.type"))
    return " ".join(dict.fromkeys(word for word in words if word))


def _failed(event: LogEvent) -> FailedCall:
    known = event.attributes
    model, outcome = known.get("gen_ai.request.model", ""), known.get("midstream.outcome", "")
    request = known.get("midstream.in_band.request_id") or known.get("anthropic.request.id", "")
    line = event.body if request in event.body else f"{event.body} (request {request})"
    return FailedCall(event.time, str(event.source), model, outcome, line)


def _pid(key: _Key) -> int | None:
    return None if key.source is None else key.source.pid


def _is_running(pid: int | None) -> bool:
    """Whether the process runs on this machine, as far as can be seen."""
    if os.name != "posix" or pid is None:  # elsewhere 0 is a signal that ends processes
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
