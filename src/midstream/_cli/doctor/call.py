"""One call that fails in mid-answer, and the export of what midstream tells of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from midstream._cli.console.caught import Caught
from midstream._cli.doctor.arrivals import MODEL, Followed, arrivals
from midstream._cli.doctor.findings import Finding, Health, Subject, in_words
from midstream._cli.doctor.providers import SIGNALS, Maker
from midstream.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from midstream._cli.doctor.providers import Signal


_FAULT: Final = "in_band:overloaded_error@4"
_REPORTED: Final = 200
"""The status that the SDK gives to such an error."""


def not_called(reason: str) -> Iterator[Finding]:
    """That there was no call, and so nothing arrives."""
    for subject in (Subject.CALL, *(signal.arrives for signal in SIGNALS)):
        yield Finding(subject, Health.NOT_TRIED, reason)


def called() -> Iterator[Finding]:
    """Makes the call, has its telemetry exported, and tells what became of it. Nothing is exported afterwards."""
    followed = {signal: Followed.begin(signal) for signal in SIGNALS if signal.maker() is Maker.SDK}
    yield _call_finding(_call())
    _flush(tuple(followed))
    for signal in SIGNALS:
        if signal in followed:
            yield from arrivals(followed[signal])
        else:
            message = f"there is no provider to follow: see {signal.subject.value}"
            yield Finding(signal.arrives, Health.NOT_TRIED, message)
    for exporter in (exporter for one in followed.values() for exporter in one.exporters):
        exporter.closed = True


def _call() -> Exception | None:
    """What the SDK raised."""
    from midstream._cli.clients import MAX_TOKENS, MESSAGES, sync_client  # noqa: PLC0415 - imports the SDK

    with Caught() as caught, FaultServer() as server, sync_client(server.url, sdk_spans=True) as client:
        server.script(_FAULT)
        once = client.with_options(max_retries=0)
        for _event in once.messages.create(model=MODEL, max_tokens=MAX_TOKENS, messages=MESSAGES, stream=True):
            pass
    return caught.error


def _call_finding(error: Exception | None) -> Finding:
    what = f"model {MODEL}: a stream that fails in mid-answer"
    if getattr(error, "status_code", None) == _REPORTED:
        return Finding(Subject.CALL, Health.OK, f"{what}; the SDK raised {type(error).__name__}, status {_REPORTED}")
    told = "nothing" if error is None else in_words(error)
    remedy = "something stands between the SDK and 127.0.0.1"
    return Finding(Subject.CALL, Health.PROBLEM, f"{what}, and the SDK is to say so; it raised {told}", remedy)


def _flush(signals: Sequence[Signal]) -> None:
    """Has everything exported, at the same time: an exporter that finds nobody tries for ten seconds."""

    def flush(signal: Signal) -> None:
        with Caught():  # the exporters are watched
            signal.provider.force_flush()

    with ThreadPoolExecutor(len(signals) or 1) as pool:
        for done in [pool.submit(flush, signal) for signal in signals]:
            done.result()
