"""Whatever events a `StreamWatch` is shown: its one verdict is an allowed one."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import StreamWatch
from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, SESSIONS, THREADS, UNDELIMITED
from support.ends import assert_allowed
from support.fuzzed import Source, fuzz

_MAX_EVENTS: Final = 6


def one_input(data: bytes) -> None:
    """Watches one call."""
    source = Source(data)
    watch = StreamWatch(kind=source.choice((MESSAGES, COMPLETIONS, SESSIONS, THREADS, UNDELIMITED)))
    if source.number(1):
        watch.open()
    for _ in range(source.number(_MAX_EVENTS)):
        watch.event(source.value())
    ends = (
        lambda: watch.failed(source.exception(), source.value()),
        lambda: watch.answered(source.value()),
        lambda: watch.read(source.value()),
        lambda: watch.closed(source.value()),
    )
    verdict = source.choice(ends)()
    assert_allowed(verdict)


if __name__ == "__main__":
    fuzz(one_input)
