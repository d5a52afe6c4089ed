"""Calls of the real SDK with the real OpenTelemetry SDK, over a transport in memory.

Nothing waits and nothing leaves the process, so the same work is done every time.
"""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

import anthropic
from by_hand import by_hand
from counting import Countable, Do
from recorded import Recorded, recorded
from server import SHORTEST, answer, prompt_of
from subjects import MIDSTREAM, OPENTELEMETRY, SDK_TRACES, SDK_TRACING, Providers, Subject, providers
from workloads import CALLS, FLAVORS, Workload, no_end, run

_WARM_UP: Final = 15
"""Calls before the counted ones. By then the interpreter has specialized the code, and one-time work is done."""
_CALLS: Final = 10
_LONG: Final = 109

_http: Final[Any] = import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


@dataclass(frozen=True)
class CountedCall:
    """A kind of call that is counted bare, observed, and with the telemetry recorded by hand."""

    workload: Workload
    base: Subject | None = None
    """What observes the bare call, too."""

    def observed(self, *subjects: Subject) -> Countable:
        """The call bare, and with each of the subjects."""
        observed = {subject.name: partial(self.prepared, subject) for subject in subjects}
        return Countable(_CALLS, {"bare": self.prepared, **observed})

    def with_floor(self) -> Countable:
        """The call bare, with midstream, and with the telemetry of midstream recorded by hand."""
        items, variants = self.observed(MIDSTREAM)
        return Countable(items, {**variants, "by hand": lambda: self.prepared(telemetry=self.telemetry())})

    def prepared(self, subject: Subject | None = None, telemetry: Recorded | None = None) -> Do:
        """Makes as many calls as it is asked for. What observes them does so until the process ends."""
        given = providers()
        # Kept, because an instrumentation may stop when it is collected.
        _kept.extend(observer.start(given) for observer in (self.base, subject) if observer is not None)
        do = partial(self.run, no_end if telemetry is None else by_hand(telemetry, given))
        do(_WARM_UP)
        gc.disable()
        return do

    def telemetry(self) -> Recorded:
        """What midstream records of a call, beyond the telemetry of the bare call."""
        return self.recorded(lambda _: no_end, MIDSTREAM).beyond(self.recorded(lambda _: no_end))

    def recorded(self, ending: Callable[[Providers], Callable[[], None]], *subjects: Subject) -> Recorded:
        """The telemetry of the last call of a run. `ending` returns what is done after each call."""

        def of(calls: int) -> Recorded:
            return recorded(lambda given: self.run(ending(given), calls), self.base, *subjects)

        return of(2).after(of(1))

    def run(self, then: Callable[[], None], calls: int) -> None:
        """Makes that many calls, and one before them."""
        run(self.workload, calls, transport(), then)


_kept: Final[list[Callable[[], None]]] = []


class _Pieces:
    """The body of an answer, sync and async."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


# The base classes are those of the HTTP client that the installed SDK uses.
_Body: Final[Any] = type("_Body", (_Pieces, _http.SyncByteStream, _http.AsyncByteStream), {})


def transport() -> Any:
    """A transport of the HTTP client, sync and async, with the answers of the server."""
    return _http.MockTransport(_answer)


def _answer(request: Any) -> Any:
    canned = answer(prompt_of(json.loads(request.content)))
    return _http.Response(canned.status, headers=canned.headers, stream=_Body(canned.pieces))


COUNTED_CALLS: Final[Mapping[str, CountedCall]] = {
    f"{name}{', on the SDK span' if base else ''}": CountedCall(workload, base)
    for base in ((None, SDK_TRACING) if SDK_TRACES else (None,))
    for name, workload in CALLS.items()
}
"""By name."""

_FRAMINGS: Final = {"large chunks": "together", "a chunk each": "chunked"}

COUNTED_STREAMS: Final[Mapping[str, CountedCall]] = {
    f"{flavor}, {framing}, {length}": CountedCall(Workload(flavor, f"{prompt} {length}", streamed=True))
    for flavor in FLAVORS
    for framing, prompt in _FRAMINGS.items()
    for length in (SHORTEST, _LONG)
}
"""By how the stream is read and arrives, and its number of events."""

COUNTABLES: Final[Mapping[str, Mapping[str, Countable]]] = {
    "streams": {name: call.observed(MIDSTREAM) for name, call in COUNTED_STREAMS.items()},
    "calls": {name: call.with_floor() for name, call in COUNTED_CALLS.items()},
    "calls without floor": {name: call.observed(MIDSTREAM) for name, call in COUNTED_CALLS.items()},
    "others": {
        name: call.observed(MIDSTREAM, SDK_TRACING, OPENTELEMETRY)
        for name, call in COUNTED_CALLS.items()
        if call.base is None
    },
}


def per_event(counts: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The instructions per event, by kind of stream and variant, from the counts of `COUNTED_STREAMS`."""
    kinds = dict.fromkeys(name.rpartition(", ")[0] for name in counts)
    return {
        kind: {
            variant: (instructions - counts[f"{kind}, {SHORTEST}"][variant]) / (_LONG - SHORTEST)
            for variant, instructions in counts[f"{kind}, {_LONG}"].items()
        }
        for kind in kinds
    }
