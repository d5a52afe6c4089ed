"""What an instrumentation takes to import and to switch on, in interpreters that have the SDK and OpenTelemetry."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from figures import Figure
from measuring import Round, compared

if TYPE_CHECKING:
    from subjects import Subject

__all__ = ("KEY", "measure_loading")

KEY: Final = "start: import and instrument(), beyond the SDK and OpenTelemetry"

_ROUNDS: Final = 7


def measure_loading(name: str, subject: Subject, pairs: int) -> Figure:
    """CPU time of import and start, beside that of the import of the SDK and OpenTelemetry in the same interpreter.

    There is no control: both are parts of one run.
    """
    told = [_loaded(name) for _ in range(min(pairs, _ROUNDS))]
    rounds = [Round(bare, bare + added, bare) for bare, added in told]
    return Figure(KEY, subject.name, "ms", compared(rounds).in_units(1e3))


def _loaded(name: str) -> tuple[float, float]:
    # logfire is a plugin of pydantic's: importing the SDK would import it.
    environment = {**os.environ, "PYDANTIC_DISABLE_PLUGINS": "__all__"}
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    bare, added = map(float, done.stdout.split())
    return bare, added


def main() -> None:
    """Prints both times, in seconds."""
    from others import ENTRANTS  # noqa: PLC0415 - this is what is timed: it imports the SDK
    from providers import providers  # noqa: PLC0415

    subject, given = ENTRANTS[sys.argv[1]].subject, providers()
    bare = time.process_time()
    subject.start(given)
    print(bare, time.process_time() - bare)


if __name__ == "__main__":
    main()
