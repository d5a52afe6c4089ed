"""The log of `midstream faults`: a line of JSON for each request that has ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from typing import IO

import click

from midstream._cli.console.values import log_file
from midstream.faults import Served


@contextmanager
def request_log(target: str | None) -> Generator[Callable[[Served], None] | None]:
    """Yields a function that appends a request to the file `target`; `-` is stdout, `None` yields `None`.

    Raises `Problem` if the file cannot be opened. When a line cannot be written, it warns and writes no more.
    """
    if target is None:
        yield None
    elif target == "-":
        yield _Lines(sys.stdout)
    else:
        with log_file(target, "a", "utf-8") as file:
            yield _Lines(file)


class _Lines:
    def __init__(self, stream: IO[str]) -> None:
        self._stream: IO[str] | None = stream

    def __call__(self, served: Served) -> None:
        if self._stream is None:
            return
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        try:
            self._stream.write(f"{json.dumps({'time': time, **asdict(served)})}\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._stream = None
            click.echo(f"Warning: --log: cannot be written any more: {error}", err=True)
