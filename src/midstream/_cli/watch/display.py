"""Shows what happens while it happens: on a screen, in lines, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from midstream._cli.watch.tally import Figures
from midstream._cli.watch.wording import first_chunk, flags, percent, plural, totals
from midstream._outcomes.vocabulary import Outcome

_PER_SECOND: Final = 4
_ABOVE_FAILURES: Final = 19
"""The lines of the screen that are always there."""
_BAR: Final = 24
_INDENT: Final = " " * 4
"""Of a line that continues the one above."""
_GOOD, _BAD, _NEUTRAL, _FAINT, _HEADING = "green", "red", "yellow", "dim", "bold"


def print_line(line: str) -> None:
    """Prints a line on stderr, where the program's own may be."""
    click.echo(f"midstream: {line}", err=True)


@contextmanager
def screen(console: Console, title: str, figures: Callable[[], Figures]) -> Generator[None]:
    """Draws `figures` over and over while the `with` block runs, and leaves nothing of it."""
    began = time.monotonic()

    def draw() -> RenderableType:
        return _drawn(console, title, time.monotonic() - began, figures())

    live = Live(
        console=console,
        get_renderable=draw,
        refresh_per_second=_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with live:
        yield


def _drawn(console: Console, title: str, seconds: float, figures: Figures) -> RenderableType:
    minutes, rest = divmod(int(seconds), 60)
    room = max(console.height - _ABOVE_FAILURES, 1)
    problems = [line for problem in figures.problems for line in _folded(console, problem)]
    return Group(
        _line(("midstream watch ", _HEADING), title),
        _line((f"{minutes}:{rest:02}  {_from(figures)}", _FAINT)),
        Text(),
        _success(figures),
        Text(),
        _outcomes(figures),
        Text(),
        _line(totals(figures)),
        _line("time to the first chunk: ", first_chunk(figures.first_chunk)),
        *problems,
        *_failures(console, figures, max(room - len(problems), 0)),
    )


def _line(*parts: str | tuple[str, str]) -> Text:
    line = Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
    line.rstrip()
    return line


def _from(figures: Figures) -> str:
    if figures.versions:
        return f"{plural(figures.processes, 'process')} with {'; '.join(figures.versions)}"
    return "" if figures.count() else "waiting for the first call"


def _success(figures: Figures) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name, share, style in (
        ("success according to HTTP", figures.success_by_http, _NEUTRAL),
        ("actual success", figures.success, _GOOD),
    ):
        bar = ProgressBar(total=1.0, completed=share or 0.0, width=_BAR, complete_style=style, finished_style=style)
        table.add_row(name, Text(percent(share), justify="right"), bar)
    return table


def _outcomes(figures: Figures) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for outcome in Outcome:
        number = figures.count(outcome)
        style = _BAD if outcome.is_failure else _GOOD if outcome is Outcome.COMPLETED else _NEUTRAL
        table.add_row(
            Text(outcome.value, style if number else _FAINT),
            Text(f"{number:,}", style if number else _FAINT, justify="right"),
            Text(flags(figures, outcome)),
        )
    return table


def _failures(console: Console, figures: Figures, room: int) -> list[Text]:
    """The last failures, as many as fit into `room` lines; the beginning of one that does not."""
    lines: list[Text] = []
    for call in reversed(figures.failures):
        folded = _folded(console, str(call))
        if len(lines) + len(folded) > room:
            return lines or folded[:room]
        lines = [*folded, *lines]
    return lines


def _folded(console: Console, text: str) -> list[Text]:
    first, *others = Text(text, _BAD).wrap(console, max(console.width - len(_INDENT), 1))
    return [first, *(Text.assemble(_INDENT, line) for line in others)]
