"""examples/retry: each way of retrying, sync and async, against a server that fails."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing, closing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from attempt import ATTEMPTS, CONTINUE, LONGEST_WAIT, QUESTION, Piece, Restart, continued, worth_a_retry
from midstream import Failure, Outcome, classify
from midstream.faults import FaultServer, parse
from midstream.faults._script import Script, error_script
from support.clients import HAS_OWN_SPANS, async_client, client
from support.sdk_errors import http_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from midstream.faults._http_request import HttpRequest

EXAMPLES = Path(__file__).parents[2] / "examples" / "retry"
FILES = {"plain": "anthropic", "with_stamina": "stamina", "with_tenacity": "tenacity"}
"""The examples, and what each is written with."""

WHOLE = ["All", " is", " well", ". "]
SHOWN = WHOLE[:2]
"""What has arrived where a fault is by default."""


class Recording(FaultServer):
    """Keeps what it is asked. Where `patience` is not None, it is busy, and asks for so many seconds of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []
        self.patience: str | None = None

    def answer(self, request: HttpRequest, number: int) -> Script:
        self.asked.append(json.loads(request.body)["messages"])
        if self.patience is not None:
            return error_script(429, "application/json", b"{}", number, **{"retry-after": self.patience})
        return super().answer(request, number)


@pytest.fixture
def server() -> Iterator[Recording]:
    with Recording() as running:
        yield running


@pytest.fixture(params=FILES)
def example(request: pytest.FixtureRequest) -> Any:
    if not find_spec(FILES[request.param]):
        pytest.skip(f"{FILES[request.param]} is not installed")
    return import_module(request.param)


@dataclass(frozen=True)
class Read:
    """What a caller got: pieces of text, `[]` for a `Restart`, and the exception that ended it."""

    pieces: list[str]
    error: Exception | None = None


@dataclass(frozen=True)
class Reader:
    """Reads at most `most` pieces of an answer with one of the examples, sync or async."""

    example: Any
    server: FaultServer
    asynchronous: bool

    def read(self, *, resume: bool = False, most: int | None = None) -> Read:
        pieces: list[str] = []
        try:
            if self.asynchronous:
                asyncio.run(self._read_async(pieces, resume, most))
            else:
                self._read(pieces, resume, most)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is part of the result
            return Read(pieces, error)
        return Read(pieces)

    def _read(self, pieces: list[str], resume: bool, most: int | None) -> None:
        with client(self.server, parse("ok")) as made:
            with closing(self.example.answer(made, QUESTION, resume=resume, pause=0.001)) as answer:
                pieces.extend(told(piece) for piece in islice(answer, most))

    async def _read_async(self, pieces: list[str], resume: bool, most: int | None) -> None:
        async with async_client(self.server, parse("ok")) as made:
            async with aclosing(self.example.answer_async(made, QUESTION, resume=resume, pause=0.001)) as answer:
                async for piece in answer:
                    pieces.append(told(piece))
                    if len(pieces) == most:
                        return


def told(piece: Piece) -> str:
    return "[]" if isinstance(piece, Restart) else piece


@pytest.fixture(params=["sync", "async"])
def reader(request: pytest.FixtureRequest, example: Any, server: Recording) -> Reader:
    return Reader(example, server, request.param == "async")


# What is retried


@pytest.mark.parametrize("model", ["reset", "cut"])
def test_an_answer_that_broke_off_starts_over_and_says_so(model: str, server: Recording, reader: Reader) -> None:
    server.script(model, "ok")
    assert reader.read() == Read([*SHOWN, "[]", *WHOLE])
    assert server.asked == [list(QUESTION)] * 2


def test_an_answer_that_broke_off_continues_on_request(server: Recording, reader: Reader) -> None:
    server.script("in_band:overloaded_error", "cut", "ok")
    assert reader.read(resume=True) == Read([*SHOWN, *SHOWN, *WHOLE])
    asked = [(turns[1]["content"], turns[2]["content"]) for turns in server.asked[1:]]
    assert asked == [("".join(SHOWN), CONTINUE), ("".join(SHOWN * 2), CONTINUE)]


@pytest.mark.parametrize("resume", [False, True], ids=["anew", "on"])
def test_the_reader_gets_no_notice_of_an_answer_that_never_began(
    server: Recording, reader: Reader, resume: bool
) -> None:
    server.script("cut@0", "ok")
    assert reader.read(resume=resume) == Read(WHOLE)
    assert server.asked == [list(QUESTION)] * 2


# What is not


@pytest.mark.parametrize("model", ["in_band:invalid_request_error", "http:authentication_error"])
def test_a_failure_that_no_retry_helps_is_tried_once_and_raised_unchanged(
    model: str, server: Recording, reader: Reader
) -> None:
    server.script(model, repeat=True)
    assert classify(reader.read().error).error_type == parse(model).argument
    assert len(server.asked) == 1


@pytest.mark.parametrize("model", ["reset", "cut"])
def test_after_the_last_attempt_the_exception_arrives_as_it_is(model: str, server: Recording, reader: Reader) -> None:
    server.script(model, repeat=True)
    read = reader.read()
    assert classify(read.error).outcome is parse(model).expectation.outcome
    assert len(server.asked) == ATTEMPTS
    assert read.pieces == [*[*SHOWN, "[]"] * (ATTEMPTS - 1), *SHOWN]


def test_an_abandoned_answer_is_not_requested_again(server: Recording, reader: Reader) -> None:
    server.script("stall", repeat=True)
    assert reader.read(most=1) == Read(WHOLE[:1])
    assert len(server.asked) == 1


def test_a_cancelled_task_does_not_retry(server: Recording, example: Any) -> None:
    server.script("stall", repeat=True)

    async def read() -> None:
        async with async_client(server, parse("ok")) as made:
            task = asyncio.current_task()
            async for _piece in example.answer_async(made, QUESTION):
                assert task is not None
                task.cancel()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(read())
    assert len(server.asked) == 1


def test_a_server_with_a_longer_retry_after_than_allowed_gets_no_second_request(
    server: Recording, reader: Reader
) -> None:
    server.patience = str(LONGEST_WAIT + 1)
    assert classify(reader.read().error).retry_after == LONGEST_WAIT + 1
    assert len(server.asked) == 1


# How long they wait

BUSY = http_error(429, headers={"retry-after": "7"})


def waits() -> dict[str, Callable[[Any, BaseException], float]]:
    def tenacity_waits(example: Any, error: BaseException) -> float:
        outcome = SimpleNamespace(exception=lambda: error, failed=True)
        return float(example.rules(0.5)["wait"](SimpleNamespace(outcome=outcome, attempt_number=1)))

    return {
        "plain": lambda example, error: example.wait(classify(error), 1, 0.5),
        "with_stamina": lambda example, error: example.again(error),
        "with_tenacity": tenacity_waits,
    }


def test_they_wait_as_long_as_the_server_says_plus_a_random_time(example: Any) -> None:
    asked = {waits()[example.__name__](example, BUSY) for _ in range(20)}
    assert len(asked) > 1
    assert all(7 <= seconds <= 8.5 for seconds in asked)


@pytest.mark.parametrize(("retry_after", "worth"), [(None, True), (0, True), (LONGEST_WAIT, True), (3600.0, False)])
def test_a_failure_is_worth_a_retry_that_somebody_waits_for(retry_after: float | None, worth: bool) -> None:
    failure = Failure(Outcome.HTTP_ERROR, "429", retryable=True, retry_after=retry_after)
    assert worth_a_retry(failure) is worth


# What goes with them


def test_the_request_for_the_rest_ends_with_a_user_turn() -> None:
    assert continued(QUESTION, "") is QUESTION
    assert [turn["role"] for turn in continued(QUESTION, "All")] == ["user", "assistant", "user"]


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, EXAMPLES / f"{name}.py", *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
        env={**os.environ, **environment},
    )


def test_each_runs_unchanged(server: Recording, example: Any) -> None:
    server.script("in_band:overloaded_error", "hangup", "ok", "cut", "ok")
    done = run(example.__name__, ANTHROPIC_BASE_URL=server.url, ANTHROPIC_API_KEY="none", NO_PROXY="127.0.0.1")
    anew = "All is\n[it broke off; from the beginning]\nAll is well. \n"
    assert (done.returncode, done.stdout) == (0, 2 * anew), done.stderr
    assert [request.resends for request in server.requests] == [0] * 5  # none of them the SDK's


@pytest.mark.skipif(not (HAS_OWN_SPANS and find_spec("stamina")), reason="it names classes of the newest SDK")
def test_with_corrected_errors_a_tuple_of_classes_is_enough(server: Recording) -> None:
    server.script("in_band:overloaded_error", "ok", "cut", "reset", "ok")
    done = run("corrected", ANTHROPIC_BASE_URL=server.url, ANTHROPIC_API_KEY="none", NO_PROXY="127.0.0.1")
    assert (done.returncode, done.stdout) == (0, 2 * "All is well. \n"), done.stderr
    assert len(server.requests) == 5


@pytest.mark.skipif(not (HAS_OWN_SPANS and find_spec("stamina")), reason="the page is about the newest SDK")
def test_the_tables_in_the_documentation_are_what_is_measured() -> None:
    done = run("measure", "--check")
    assert (done.returncode, done.stdout) == (0, ""), f"run `make docs`\n{done.stdout}{done.stderr}"
