"""A finding of the doctor: one line of the report. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

_MAX_LENGTH: Final = 200

INSTRUMENT_LINE: Final = "from midstream import AnthropicInstrumentor; AnthropicInstrumentor().instrument()"
"""What a program that does without `opentelemetry-instrument` calls."""


class Health(str, Enum):
    """The verdict of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_TRIED = "not tried"


class Subject(str, Enum):
    """What a finding is about, in the order of the report. The values are part of the JSON."""

    PYTHON = "python"
    MIDSTREAM = "midstream"
    ANTHROPIC = "anthropic"
    DEPENDENCIES = "dependencies"
    OPENTELEMETRY = "opentelemetry"
    ENTRY_POINT = "entry point"
    SWITCHES = "switches"
    OPTIONS = "options"
    LAUNCHER = "launcher"
    SET_UP = "set-up"
    INSTRUMENTED = "instrumented"
    PATCHES = "patches"
    SDK_SPANS = "sdk spans"
    NEIGHBOURS = "neighbours"
    SERVICE = "service"
    TRACES = "traces"
    SAMPLER = "sampler"
    METRICS = "metrics"
    LOGS = "logs"
    LAST_TELEMETRY = "last telemetry"
    CALL = "call"
    SPAN_ARRIVES = "span arrives"
    ONE_SPAN = "one span"
    METRICS_ARRIVE = "metrics arrive"
    LOG_EVENT_ARRIVES = "log event arrives"

    def ok(self, message: str, remedy: str | None = None) -> Finding:
        """A finding with the verdict `OK`."""
        return Finding(self, Health.OK, message, remedy)

    def warning(self, message: str, remedy: str | None = None) -> Finding:
        """A finding with the verdict `WARNING`."""
        return Finding(self, Health.WARNING, message, remedy)

    def problem(self, message: str, remedy: str | None = None) -> Finding:
        """A finding with the verdict `PROBLEM`."""
        return Finding(self, Health.PROBLEM, message, remedy)

    def not_tried(self, message: str, remedy: str | None = None) -> Finding:
        """A finding with the verdict `NOT_TRIED`."""
        return Finding(self, Health.NOT_TRIED, message, remedy)


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: Subject
    verdict: Health
    message: str
    remedy: str | None = None
    """What to do about it: a line to be pasted, if there is one, and remarks in parentheses. `None`: nothing."""

    @property
    def line(self) -> str:
        """The remedy without the remarks. Empty without one."""
        return (self.remedy or "").partition(" (")[0]


def cause_among(found: Iterable[Finding], subjects: Iterable[Subject]) -> Finding | None:
    """The problem in `found`, with a remedy, about the first possible one of `subjects`. `None` if there is none."""
    problems = {one.subject: one for one in found if one.verdict is Health.PROBLEM and one.remedy}
    return next((problems[subject] for subject in subjects if subject in problems), None)


_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY: Final = re.compile(r"(?<=[\w/])\?\S+")


def one_line(text: str) -> str:
    """The first line of `text`, 200 characters at most, with nothing of a URL in it that may be a secret."""
    line = text.strip().partition("\n")[0]
    line = _QUERY.sub("", _CREDENTIALS.sub("", line))
    return line if len(line) <= _MAX_LENGTH else f"{line[: _MAX_LENGTH - 3]}..."


def in_words(error: BaseException) -> str:
    """`error` in one line."""
    return one_line(f"{type(error).__qualname__}: {error}")
