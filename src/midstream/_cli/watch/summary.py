"""The summary at the end: for people, to be pasted into an issue, and for scripts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from midstream._cli.watch.tally import FLAGS, Ended, Figures
from midstream._cli.watch.wording import first_chunk, flags, percent, plural, totals
from midstream._outcomes.redaction import without_keys, without_urls
from midstream._outcomes.vocabulary import Outcome
from midstream._version import __version__

_SHOWN_FAILURES: Final = 10

NOTHING: Final = (
    "No call was seen. Either no Python process of the program imported anthropic, or it ignores PYTHONPATH: "
    "python -I, -E and -S do, and frozen programs."
)
NOTHING_RECEIVED: Final = "No call was seen: nothing sent metrics here."
NO_CALLS: Final = "The program imported anthropic, and no call of it has ended."


@dataclass(frozen=True)
class Watched:
    """What was watched, and what came of it."""

    command: Sequence[str]
    """Empty if services elsewhere were."""
    seconds: float
    exit_status: int | None
    """`None` without a command."""
    figures: Figures

    @property
    def _title(self) -> str:
        """The command without keys and URLs."""
        return without_urls(without_keys(shlex.join(self.command)))

    @property
    def _hints(self) -> tuple[str, ...]:
        """Why there is less than expected."""
        figures = self.figures
        if figures.count() or figures.open_streams or figures.problems:
            return figures.problems
        if not self.command:
            return (NOTHING_RECEIVED,)
        return (NO_CALLS if figures.processes else NOTHING,)

    def in_words(self) -> str:
        """The summary in Markdown that reads well as it is."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        figures = self.figures
        what = f"watched `{self._title}`" if self.command else "listened"
        status = "" if self.exit_status is None else f": exit status {self.exit_status}"
        yield f"midstream {__version__} {what} for {self.seconds:.1f} s{status}"
        if figures.versions:
            yield f"{plural(figures.processes, 'process')} with {'; '.join(figures.versions)}"
        yield from self._hints
        if not figures.count():
            return
        yield ""
        yield f"- {totals(figures)}"
        yield f"- success according to HTTP {percent(figures.success_by_http)}, actual {percent(figures.success)}"
        yield f"- time to the first chunk: {first_chunk(figures.first_chunk)}"
        yield ""
        yield from _table(figures)
        yield from _failures(figures)

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON: without numbers in words, and with all failures that are kept."""
        figures = self.figures
        chunk = figures.first_chunk
        return {
            "midstream": __version__,
            "command": self._title if self.command else None,
            "seconds": round(self.seconds, 3),
            "exit_status": self.exit_status,
            "processes": figures.processes,
            "versions": list(figures.versions),
            "problems": list(self._hints),
            "calls": figures.count(),
            "outcomes": {outcome.value: figures.count(outcome) for outcome in Outcome},
            "success_by_http": figures.success_by_http,
            "success": figures.success,
            "open_streams": figures.open_streams,
            "lost_streams": figures.lost_streams,
            "input_tokens": figures.input_tokens,
            "output_tokens": figures.output_tokens,
            "time_to_first_chunk": {
                "count": chunk.count,
                "mean": chunk.mean,
                "p50": chunk.quantile(0.5),
                "p95": chunk.quantile(0.95),
            },
            "causes": [{**ended._asdict(), "calls": number} for ended, number in _by_number(figures)],
            "failures": [
                {"time": call.time / 1e9, "source": call.source, "model": call.model, "line": call.line}
                for call in figures.failures
            ],
        }


def _table(figures: Figures) -> Iterator[str]:
    yield "| outcome | calls | |"
    yield "|---|---|---|"
    for outcome in Outcome:
        number = figures.count(outcome)
        if number:
            yield f"| {outcome.value} | {number:,} | {flags(figures, outcome)} |"


def _failures(figures: Figures) -> Iterator[str]:
    if figures.causes:
        yield ""
        for ended, number in _by_number(figures):
            marks = (flag for flag in FLAGS if getattr(ended, flag))
            yield f"- {number:,}x {', '.join((ended.outcome.value, ended.cause, *marks))}"
    if figures.failures:
        yield ""
        yield "```text"
        yield from map(str, figures.failures[-_SHOWN_FAILURES:])
        yield "```"


def _by_number(figures: Figures) -> list[tuple[Ended, int]]:
    return sorted(figures.causes.items(), key=lambda item: -item[1])
