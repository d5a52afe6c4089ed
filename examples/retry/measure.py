"""Writes the tables of docs/retrying.md: the result of each way to retry, for each fault of the fault server.

With --check it says how the page and a fresh run differ, and exits 1 if they do.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anthropic
import stamina
from anthropic import Anthropic, AsyncAnthropic, DefaultAsyncHttpxClient, DefaultHttpxClient

import ladder
import plain
import with_stamina
import with_tenacity
from attempt import ATTEMPTS, QUESTION, Restart
from midstream._outcomes import Outcome
from midstream.faults import EXAMPLES, FaultServer, parse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping

    from attempt import Messages, Piece

__all__ = ("FAULTS", "WAYS", "End", "Way", "measured", "tables")

PAGE: Final = Path(__file__).parents[2] / "docs" / "retrying.md"
BEGIN: Final = "<!-- Measured by `python examples/retry/measure.py`. Edit that, not this. -->\n"
END: Final = "<!-- Measured until here. -->\n"

_SHORTLY: Final = 0.3
_PATIENCE_SECONDS: Final = 60.0
_NO_PAUSE: Final = 0.001
_CERTIFICATES: Final = ssl.create_default_context()  # loaded once: it takes longer than a call


class End(Enum):
    """How a response ended, for its reader."""

    WHOLE = "whole"
    """It arrived completely, and once."""
    CUT = "**cut short**"
    """It was truncated, without an exception."""
    TWICE = "**text twice**"
    """It was shown again, without a `Restart`."""
    RAISED = "exception"
    """It raised an exception."""


@dataclass(frozen=True)
class Way:
    """A way to retry."""

    name: str
    sync: Callable[[Anthropic, Messages], Iterable[Piece]]
    asynchronous: Callable[[AsyncAnthropic, Messages], AsyncGenerator[Piece]]
    max_retries: int = 0


@dataclass(frozen=True)
class Result:
    """How a response ended, and the number of requests."""

    end: End
    requests: int


def _loop(name: str, module: Any) -> Way:
    return Way(name, partial(module.answer, pause=_NO_PAUSE), partial(module.answer_async, pause=_NO_PAUSE))


def _ladder(name: str, worth_a_retry: Callable[[Exception], bool]) -> Way:
    options: Any = {"worth_a_retry": worth_a_retry, "pause": _NO_PAUSE}
    return Way(name, partial(ladder.answer, **options), partial(ladder.answer_async, **options))


WAYS: Final = (
    Way("the SDK's `max_retries`", ladder.stream, ladder.stream_async, max_retries=ATTEMPTS - 1),
    _ladder("the usual ladder", ladder.by_status),
    _ladder("`except Exception`", ladder.everything),
    _loop("`plain.py`", plain),
    _loop("`with_stamina.py`", with_stamina),
    _loop("`with_tenacity.py`", with_tenacity),
)


FAULTS: Final[Mapping[str, bool]] = {
    name: parse(name).expectation.retryable
    for name in EXAMPLES
    if parse(name).expectation.outcome is not Outcome.COMPLETED
}
"""Every fault, and whether a retry can help."""


def measured(way: Way, faults: Iterable[str], *, asynchronous: bool) -> dict[str, Result]:
    """The results by fault. A fault that a retry can help happens once, others with every request."""
    results: dict[str, Result] = {}
    with FaultServer() as server:
        for fault in faults:
            before = len(server.requests)
            if FAULTS[fault]:
                server.script(fault, "ok")
            else:
                server.script(fault, repeat=True)
            read = _read_async if asynchronous else _read
            results[fault] = Result(read(way, server.url, fault), len(server.requests) - before)
    return results


def _read(way: Way, url: str, fault: str) -> End:
    http_client = DefaultHttpxClient(event_hooks=_hooks(fault), verify=_CERTIFICATES)
    with Anthropic(**_options(way, url, fault), http_client=http_client) as client:
        shown = _Screen()
        try:
            for piece in way.sync(client, QUESTION):
                shown.add(piece)
        except Exception:
            return End.RAISED
        return shown.end


def _read_async(way: Way, url: str, fault: str) -> End:
    async def read() -> End:
        hooks = _hooks(fault, asynchronous=True)
        http_client = DefaultAsyncHttpxClient(event_hooks=hooks, verify=_CERTIFICATES)
        async with AsyncAnthropic(**_options(way, url, fault), http_client=http_client) as client:
            shown = _Screen()
            try:
                async with aclosing(way.asynchronous(client, QUESTION)) as pieces:
                    async for piece in pieces:
                        shown.add(piece)
            except Exception:
                return End.RAISED
            return shown.end

    return asyncio.run(read())


class _Screen:
    """What the reader has seen of a response."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: Piece) -> None:
        self._text = "" if isinstance(piece, Restart) else self._text + piece

    @property
    def end(self) -> End:
        if self._text == _WHOLE:
            return End.WHOLE
        return End.CUT if _WHOLE.startswith(self._text) else End.TWICE


_WHOLE: Final = "All is well. "


def _options(way: Way, url: str, fault: str) -> dict[str, Any]:
    silence = _SHORTLY if parse(fault).family == "silent" else _PATIENCE_SECONDS
    timeout = anthropic.Timeout(_PATIENCE_SECONDS, read=silence)
    return {"base_url": url, "api_key": "none", "max_retries": way.max_retries, "timeout": timeout}


def _hooks(fault: str, *, asynchronous: bool = False) -> dict[str, Any]:
    """A transport of the HTTP client that waits briefly for a stalled stream, but without limit for the headers."""
    if parse(fault).family != "stall":
        return {}

    def hurry(response: Any) -> None:
        response.request.extensions["timeout"]["read"] = _SHORTLY

    async def hurry_async(response: Any) -> None:
        hurry(response)

    return {"response": [hurry_async if asynchronous else hurry]}


Results = dict[str, tuple[Result, Result]]
"""By fault, with the sync and the async client."""


def everything() -> dict[Way, Results]:
    """The results of every fault, by way to retry."""
    with ThreadPoolExecutor(2 * len(WAYS)) as pool:
        runs = {
            way: [pool.submit(measured, way, FAULTS, asynchronous=asynchronous) for asynchronous in (False, True)]
            for way in WAYS
        }
        return {
            way: {fault: (sync.result()[fault], asynchronous.result()[fault]) for fault in FAULTS}
            for way, (sync, asynchronous) in runs.items()
        }


def tables(found: Mapping[Way, Results]) -> str:
    """The tables of the page."""
    return "\n".join((_table(_HEAD, _summary(found)), _table(("fault", *(w.name for w in found)), _details(found))))


_RETRYABLE: Final = [fault for fault, retryable in FAULTS.items() if retryable]
_HOPELESS: Final = [fault for fault, retryable in FAULTS.items() if not retryable]
_HEAD: Final = (
    "",
    f"survived, of {len(_RETRYABLE)} retryable faults",
    "cut short, unnoticed",
    "text twice",
    "exception",
    f"requests for {len(_HOPELESS)} faults that no retry helps",
)


def _summary(found: Mapping[Way, Results]) -> Generator[tuple[str, ...]]:
    for way, results in found.items():
        ends = [_both(*(sum(results[f][i].end is end for f in _RETRYABLE) for i in (0, 1))) for end in End]
        yield way.name, *ends, _both(*(sum(results[f][i].requests for f in _HOPELESS) for i in (0, 1)))


def _details(found: Mapping[Way, Results]) -> Generator[tuple[str, ...]]:
    for fault in _RETRYABLE:
        yield f"`{fault}`", *(_both(*(result.end.value for result in results[fault])) for results in found.values())


def _both(sync: object, asynchronous: object) -> str:
    return str(sync) if sync == asynchronous else f"sync {sync}, async {asynchronous}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *rows))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    os.environ["NO_PROXY"] = "127.0.0.1"
    stamina.instrumentation.set_on_retry_hooks(())  # it logs each retry
    written = PAGE.read_text(encoding="utf-8")
    before, _, rest = written.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = f"{before}{BEGIN}\n{tables(everything())}\n{END}{after}"
    if not check:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    names = ("docs/retrying.md", "a fresh run")
    difference = list(difflib.unified_diff(written.splitlines(), fresh.splitlines(), *names, lineterm=""))
    for line in difference:
        print(line)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
