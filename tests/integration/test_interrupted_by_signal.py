# mypy: disable-error-code="misc"
"""A call that a signal handler of the application stops, like a worker's time limit: it is cancelled."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream import classify
from midstream._outcomes import Outcome
from support.sdk_errors import http, sse
from support.styles import STYLES, see

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import FrameType

    from support.exported import Exported

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")

OPTIONS: dict[str, Any] = {"api_key": "k", "base_url": "http://api.test", "max_retries": 0}
BEGUN = sse("ping", {"type": "ping"})


class Interrupting(http.BaseTransport):
    """A transport in which the signal comes, before the response or in the middle of it."""

    def __init__(self, *, in_body: bool) -> None:
        self.in_body = in_body

    def handle_request(self, request: Any) -> Any:
        if not self.in_body:
            signal.raise_signal(signal.SIGUSR1)
        return http.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(), request=request)


class Body(http.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield BEGUN
        signal.raise_signal(signal.SIGUSR1)


class LimitReachedError(Exception):
    """What a worker raises."""


def raises_its_own(_signum: int, _frame: FrameType | None) -> None:
    raise LimitReachedError


def raises_a_timeout(*_arguments: object) -> None:
    raise TimeoutError


@pytest.fixture(params=[raises_its_own, raises_a_timeout])
def handled(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, request.param)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("handled")
@pytest.mark.parametrize(
    ("style", "in_body"),
    [("create", False), ("create(stream=True) in a loop", False), ("create(stream=True) in a loop", True)],
    ids=["a document", "before the headers", "in the stream"],
)
def test_what_a_signal_handler_raises_cancels_the_call_however_the_sdk_wraps_it(
    style: str, in_body: bool, exported: Exported, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    http_client = http.Client(transport=Interrupting(in_body=in_body))
    with instrumented(), anthropic.Anthropic(**OPTIONS, http_client=http_client) as made:
        seen = see(STYLES[style], made, "claude-x")
    assert seen.error is not None
    assert classify(seen.error).outcome is Outcome.CANCELLED
    assert exported.outcomes() == {"cancelled": 1}
    assert exported.logs == []
