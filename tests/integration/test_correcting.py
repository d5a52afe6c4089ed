"""Corrected errors: the application receives the exception that the SDK should have raised."""

from __future__ import annotations

import copy
import pickle
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream import StreamTruncatedError, classify
from midstream._outcomes import Outcome
from midstream._outcomes.error_classes import qualified_name
from midstream.faults import EXAMPLES, parse
from support.clients import client
from support.commands import python
from support.lifecycle import no_collector
from support.readers import READERS
from support.seen import FLAVORS, bare, observable, run, spied
from support.styles import STYLES, arguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from midstream.faults import FaultServer
    from support.exported import Exported

    Instrumented = Callable[..., AbstractContextManager[Exported]]

IN_BAND, RESET, CUT, CLOSING = "in_band:overloaded_error", "reset", "cut", "cut@8"
EVENTS = "create(stream=True) in a loop"
DECODED = [name for name, style in STYLES.items() if not style.raw]
READ_BY_EVENT = [
    name for name in DECODED if STYLES[name].streamed and not name.endswith(("message", "final_text", "done"))
]
CORRECTED = frozenset(
    {Outcome.IN_BAND_ERROR, Outcome.TRANSPORT_ERROR, Outcome.MALFORMED, Outcome.TRUNCATED, Outcome.CONNECTION_ERROR}
)


def is_retried_by_the_usual_ladder(error: BaseException | None) -> bool:
    if isinstance(error, (anthropic.APIConnectionError, anthropic.RateLimitError)):
        return True
    return isinstance(error, anthropic.APIStatusError) and error.status_code >= 500


def caught(read: Callable[[], object]) -> BaseException:
    """What `read` raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the exception is what is looked at
        read()
    return raised.value


def pickled(error: Any) -> Any:
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - it was made here


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", DECODED)
@pytest.mark.parametrize("model", EXAMPLES)
def test_every_failure_arrives_as_what_it_is(
    server: FaultServer, instrumented: Instrumented, model: str, style: str, flavor: str
) -> None:
    events, kind, text, *_ = bare(style, flavor, server, model, "own")
    with instrumented(errors="corrected") as exported:
        seen = run(STYLES[style], flavor, server, parse(model), None)
    attributes = dict(exported.span.attributes or {})
    outcome, error = Outcome(attributes["midstream.outcome"]), seen.error

    if outcome not in CORRECTED or (issubclass(kind, anthropic.APIError) and outcome is not Outcome.IN_BAND_ERROR):
        assert observable(seen, [])[:3] == (events, kind, text)
        assert attributes.get("midstream.corrected", False) is False
        assert "; corrected to " not in (exported.span.status.description or "")
        return
    assert attributes["midstream.corrected"] is True
    line = exported.span.status.description or ""
    assert line.partition("; ")[2] == f"corrected to {qualified_name(type(error))}"
    assert [record.log_record.body for record in exported.logs] == [line]
    assert observable(seen, [])[0] == (events if style in READ_BY_EVENT else [])
    assert isinstance(error, anthropic.APIError)
    assert isinstance(error, StreamTruncatedError) is (outcome is Outcome.TRUNCATED)
    assert error.__cause__ is None or (isinstance(error.__cause__, kind) and isinstance(error, kind))
    assert classify(error).outcome is outcome
    status = attributes.get("midstream.status_code")
    if outcome is Outcome.IN_BAND_ERROR:
        assert getattr(error, "status_code", None) == status
    if outcome is not Outcome.TRUNCATED and status not in {408, 409}:
        assert is_retried_by_the_usual_ladder(error) is parse(model).expectation.retryable


@pytest.mark.parametrize("style", READERS)
@pytest.mark.parametrize("model", [IN_BAND, RESET, CUT])
def test_callers_that_read_bytes_or_lines_notice_nothing(
    server: FaultServer, instrumented: Instrumented, model: str, style: str
) -> None:
    with spied() as raised:
        before = observable(run(READERS[style], "sync", server, parse(model), None), raised)
    with spied() as raised, instrumented(errors="corrected") as exported:
        after = observable(run(READERS[style], "sync", server, parse(model), None), raised)
    assert after == before
    assert (exported.span.attributes or {})["midstream.corrected"] is False


@pytest.mark.parametrize("model", [IN_BAND, RESET, CUT, CLOSING])
def test_a_final_message_is_never_half_of_one(server: FaultServer, instrumented: Instrumented, model: str) -> None:
    with instrumented(errors="corrected"), client(server, parse(model)) as made:
        with made.messages.stream(**arguments(model)) as stream:
            first = caught(lambda: list(stream))
            for read in (stream.get_final_message, stream.get_final_text, stream.until_done):
                again = caught(read)
                assert (type(again), str(again), again.__cause__) == (type(first), str(first), first.__cause__)


@pytest.mark.parametrize("model", [CUT, CLOSING])
def test_a_cut_stream_raises_once_and_not_when_it_is_left_or_closed(
    server: FaultServer, instrumented: Instrumented, model: str
) -> None:
    with instrumented(errors="corrected"), client(server, parse(model)) as made:
        for _event in made.messages.create(**arguments(model), stream=True):
            break
        stream = made.messages.create(**arguments(model), stream=True)
        next(stream)
        stream.close()
        stream = made.messages.create(**arguments(model), stream=True)
        assert isinstance(caught(lambda: list(stream)), StreamTruncatedError)
        assert list(stream) == []
        stream.close()


@pytest.mark.parametrize("model", [IN_BAND, RESET, CUT, "bad_utf8", "bad_json", "stall"])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_corrected_error_is_copied_and_pickled(
    server: FaultServer, instrumented: Instrumented, model: str, again: Callable[[Any], Any]
) -> None:
    with instrumented(errors="corrected"):
        error = run(STYLES[EVENTS], "sync", server, parse(model), None).error
    try:
        other = again(error)
    except TypeError:
        assert isinstance(caught(lambda: again(error.__cause__ if error else None)), TypeError)
        return
    assert (type(other), str(other), classify(other)) == (type(error), str(error), classify(error))


def test_an_exception_raised_from_a_corrected_error_is_classified_by_what_happened(
    server: FaultServer, instrumented: Instrumented
) -> None:
    with instrumented(errors="corrected"):
        error = run(STYLES[EVENTS], "sync", server, parse(IN_BAND), None).error
    framework = RuntimeError("the framework's")
    framework.__cause__ = error
    assert classify(framework) == classify(error)


def is_released(server: FaultServer, model: str) -> bool:
    """Whether the response of a stream that raised is released without the collector."""
    with client(server, parse(model)) as made, no_collector():
        stream = made.messages.create(**arguments(model), stream=True)
        response = weakref.ref(stream.response)
        with suppress(Exception):
            list(stream)
        del stream
        return response() is None


@pytest.mark.parametrize("model", [RESET, CUT])
def test_a_stream_that_raised_a_corrected_error_is_released_as_early_as_without(
    server: FaultServer, instrumented: Instrumented, model: str
) -> None:
    without = is_released(server, model)  # neither before SDK 1.14 nor, after an error, on Python 3.12 and 3.13
    with instrumented(errors="corrected"):
        assert is_released(server, model) == without


def test_without_the_option_the_corrected_classes_are_not_even_imported(server: FaultServer) -> None:
    program = f"""
import sys
import anthropic
from midstream import AnthropicInstrumentor
AnthropicInstrumentor().instrument()
client = anthropic.Anthropic(base_url={server.url!r}, api_key="none", max_retries=0)
try:
    list(client.messages.create(model="reset", max_tokens=8, messages=[], stream=True))
except Exception as error:
    print(type(error).__name__, "midstream._corrections.errors" in sys.modules)
"""
    assert python(program).stdout == "ReadError False\n"
