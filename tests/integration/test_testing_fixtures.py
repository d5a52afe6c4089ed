"""What the fixtures `anthropic_faults` and `midstream_calls` give, and what they do not change."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from anthropic import _base_client, _streaming

from midstream import AnthropicInstrumentor, Outcome, Phase
from midstream.testing import Call
from midstream.testing._calls import recorded_calls
from support.clients import HAS_OWN_SPANS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from midstream.testing import Calls, Faults
    from support.exported import Exported

REAL = "claude-opus-4-1"
"""A model that is the name of no scenario."""


def arguments(model: str = REAL) -> dict[str, Any]:
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Is all well?"}]}


def read(client: anthropic.Anthropic, model: str = REAL) -> None:
    """Reads a stream to its end, however it ends."""
    with suppress(Exception), client.messages.create(**arguments(model), stream=True) as stream:
        for _ in stream:
            pass


async def read_async(client: anthropic.AsyncAnthropic) -> None:
    with suppress(Exception):
        async with await client.messages.create(**arguments(), stream=True) as stream:
            async for _ in stream:
                pass


def answered(client: anthropic.Anthropic) -> bool:
    made: Any = client  # arguments in a dictionary do not select an overload
    return bool(made.messages.create(**arguments()).stop_reason == "end_turn")


def begun(client: anthropic.Anthropic) -> Any:
    """A stream after its first event."""
    stream = client.messages.create(**arguments(), stream=True)
    next(iter(stream))
    return stream


# anthropic_faults


def test_a_script_applies_to_the_next_requests_whatever_their_model(
    anthropic_faults: Faults, midstream_calls: Calls
) -> None:
    anthropic_faults.script("in_band:overloaded_error", "reset@4", "ok")
    client = anthropic_faults.client()
    for _ in range(4):
        read(client)
    assert midstream_calls.outcomes == ["in_band_error", "transport_error", "completed", "completed"]


def test_an_async_client_meets_the_same_on_any_event_loop(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    anthropic_faults.script("in_band:overloaded_error", "reset@4", "ok")
    client = anthropic_faults.async_client()
    for _ in range(3):
        anyio.run(read_async, client)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del client
        gc.collect()  # where a transport that was left open on a closed loop would warn
    assert told == []
    assert midstream_calls.outcomes == ["in_band_error", "transport_error", "completed"]


def test_without_a_script_a_model_that_is_a_scenario_is_one(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    read(anthropic_faults.client(), "reset@4")
    assert midstream_calls.outcomes == ["transport_error"]


def test_a_client_tries_once_by_default(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    anthropic_faults.script("http", "http", "ok")
    read(anthropic_faults.client())
    read(anthropic_faults.client(max_retries=1))
    assert [(call.outcome, call.attempts) for call in midstream_calls] == [
        (Outcome.HTTP_ERROR, 1),
        (Outcome.COMPLETED, 2),
    ]
    assert [request.resends for request in anthropic_faults.requests] == [0, 0, 1]


def test_a_client_of_the_application_s_making_has_the_options_that_it_is_given(anthropic_faults: Faults) -> None:
    with anthropic.DefaultHttpxClient() as own:
        client = anthropic_faults.client(http_client=own, timeout=3, api_key="another")
        assert (client._client, client.timeout, client.api_key) == (own, 3, "another")
        assert answered(client)


def test_the_environment_has_the_application_s_own_clients_call_the_server(
    anthropic_faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of-the-developer")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    before = dict(os.environ)
    anthropic_faults.set_environment()
    with anthropic.Anthropic() as client:
        assert answered(client)
        assert client.auth_token is None
    anthropic_faults.__exit__(None, None, None)
    assert dict(os.environ) == before


def test_proxies_of_the_environment_are_not_used(anthropic_faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert answered(anthropic_faults.client())


def test_a_name_that_is_not_a_scenario_is_one_clear_error_and_changes_nothing(anthropic_faults: Faults) -> None:
    anthropic_faults.script("hangup")
    with pytest.raises(
        ValueError, match=r"^anthropic_faults.script\(\): .*'nonsense'.*`midstream faults --list`"
    ) as told:
        anthropic_faults.script("ok", "nonsense")
    assert "\n" not in str(told.value)
    with pytest.raises(anthropic.APIConnectionError):
        anthropic_faults.client().messages.create(**arguments())


# midstream_calls


def test_a_call_has_all_that_is_known_of_how_it_ended(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    anthropic_faults.script("in_band:rate_limit_error", "ok")
    read(anthropic_faults.client())
    anthropic_faults.client().messages.create(**arguments())
    failed, whole = midstream_calls
    assert (failed.outcome, failed.phase, failed.error_type) == (
        Outcome.IN_BAND_ERROR,
        Phase.CONTENT,
        "rate_limit_error",
    )
    assert (failed.status_code, failed.reported_status_code) == (429, 200)
    assert (failed.misreported, failed.leaked, failed.retryable) == (True, False, True)
    assert (failed.operation, failed.model, failed.stream, failed.attempts) == ("chat", REAL, True, 1)
    assert whole == Call("chat", REAL, stream=False, outcome=Outcome.COMPLETED, answer=whole.answer)
    assert (whole.answer.stop_reason, whole.phase, whole.error_type, whole.status_code) == (
        "end_turn",
        None,
        None,
        None,
    )
    assert (whole.reported_status_code, whole.misreported, whole.leaked, whole.retryable) == (None, False, False, False)


def test_each_call_is_one_readable_line(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    anthropic_faults.script("in_band", "http", "ok", "eof", "slow")
    client = anthropic_faults.client(max_retries=1)
    for _ in range(3):
        read(client)
    stream = begun(client)
    with stream:
        first, second, third, open_ones = midstream_calls.lines()
    overloaded = "529 overloaded_error: Overloaded (request req_in_band_000001)"
    assert first == f"1. chat {REAL} streamed: in_band_error: {overloaded}; reported as 200; retryable"
    assert second == f"2. chat {REAL} streamed: completed; 2 attempts"
    cut = "stream_truncated: the stream ended before its end event, after content had arrived"
    assert third == f"3. chat {REAL} streamed: truncated: {cut}; retryable"
    assert open_ones == "1 still open"
    assert repr(midstream_calls) == "<Calls: in_band_error, completed, truncated, abandoned; 0 open>"
    assert anthropic_faults.lines()[1:3] == [
        f"2. POST /v1/messages {REAL}: http",
        f"3. POST /v1/messages {REAL}: ok; resend 1",
    ]


def test_the_line_of_a_corrected_error_is_what_the_code_under_test_got(
    anthropic_faults: Faults, midstream_calls: Calls, instrumented: Any
) -> None:
    anthropic_faults.script("in_band:rate_limit_error", "reset")
    with instrumented(errors="corrected"):
        read(anthropic_faults.client(max_retries=0))
        read(anthropic_faults.client(max_retries=0))
    in_band, reset = midstream_calls.lines()
    assert in_band.endswith("; corrected to anthropic.RateLimitError; retryable")
    assert reset.endswith("Connection reset by peer; corrected to anthropic.APIConnectionError; retryable")


def test_a_stream_is_open_until_it_is_closed(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    stream = begun(anthropic_faults.client())
    assert (midstream_calls.open, len(midstream_calls)) == (1, 0)
    stream.close()
    assert (midstream_calls.open, midstream_calls.outcomes) == (0, ["abandoned"])


def test_calls_of_other_threads_are_waited_for(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    client = anthropic_faults.client()
    threads = [threading.Thread(target=read, args=(client,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    midstream_calls.wait(4)
    assert midstream_calls.outcomes == ["completed"] * 4
    for thread in threads:
        thread.join()


def test_calls_that_do_not_come_fail_the_test_and_are_recorded(
    midstream_calls: Calls, anthropic_faults: Faults
) -> None:
    read(anthropic_faults.client())
    with pytest.raises(
        AssertionError, match=r"^expected 2 calls to end, but after 0 seconds 1 have\n1\. chat .* completed$"
    ):
        midstream_calls.wait(2, seconds=0)


def test_a_call_belongs_to_the_test_that_began_it(anthropic_faults: Faults) -> None:
    with anthropic_faults.client() as client:
        with recorded_calls() as first:
            stream = begun(client)
        with recorded_calls() as second:
            read(client)
            stream.close()
    assert (first.outcomes, second.outcomes) == (["abandoned"], ["completed"])
    assert (first.open, second.open) == (0, 0)


# What does not change


PATCHED = (
    (_base_client.SyncAPIClient, "request"),
    (_base_client.AsyncAPIClient, "request"),
    (_base_client.BaseClient, "_build_request"),
    (_streaming.Stream, "__stream__"),
    (_streaming.AsyncStream, "close"),
)


def methods() -> list[Any]:
    return [vars(owner)[name] for owner, name in PATCHED]


def test_the_sdk_is_as_it_was_after_the_test() -> None:
    before = methods()
    with recorded_calls():
        assert all(now is not then for now, then in zip(methods(), before, strict=True))
        assert not AnthropicInstrumentor().is_instrumented_by_opentelemetry
    assert all(now is then for now, then in zip(methods(), before, strict=True))


def test_an_application_that_is_instrumented_keeps_that_and_its_telemetry(
    instrumented: Callable[..., AbstractContextManager[Exported]], anthropic_faults: Faults
) -> None:
    with instrumented() as exported:
        before = methods()
        with recorded_calls() as calls:
            assert methods() == before
            read(anthropic_faults.client())
        assert methods() == before
        read(anthropic_faults.client())
        assert calls.outcomes == ["completed"]
        assert exported.outcomes() == {"completed": 2}


def test_an_application_may_begin_and_end_to_observe_in_the_middle_of_a_test(
    exported: Exported, anthropic_faults: Faults, recwarn: pytest.WarningsRecorder
) -> None:
    client = anthropic_faults.client()
    instrumentor = AnthropicInstrumentor()
    before = methods()
    with recorded_calls() as calls:
        read(client)
        instrumentor.instrument(**exported.providers)
        read(client)
        instrumentor.uninstrument()
        read(client)
    assert methods() == before
    assert calls.outcomes == ["completed"] * 3
    assert [call.attempts for call in calls] == [1, 1, 1]
    assert exported.outcomes() == {"completed": 1}
    assert not recwarn.list


def test_an_application_that_begins_to_observe_in_a_test_goes_on_after_it(
    exported: Exported, anthropic_faults: Faults
) -> None:
    with ExitStack() as stack:
        with recorded_calls():
            AnthropicInstrumentor().instrument(**exported.providers)
            stack.callback(AnthropicInstrumentor().uninstrument)
        read(anthropic_faults.client())
        assert exported.outcomes() == {"completed": 1}


def test_an_option_that_is_refused_leaves_the_calls_heard(anthropic_faults: Faults, midstream_calls: Calls) -> None:
    with pytest.raises(ValueError, match="spans must be True or False"):
        AnthropicInstrumentor().instrument(spans="some")  # type: ignore[arg-type]
    read(anthropic_faults.client())
    assert midstream_calls.outcomes == ["completed"]


def test_the_global_providers_get_nothing(
    exported: Exported, anthropic_faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", exported.tracer_provider)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", exported.meter_provider)
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", exported.logger_provider)
    anthropic_faults.script("in_band")
    with recorded_calls() as calls:
        read(anthropic_faults.client())
    assert calls.outcomes == ["in_band_error"]
    assert exported.metrics() == {}
    assert [name for span in exported.spans for name in span.attributes or {} if name.startswith("midstream.")] == []
    assert exported.logs == []


@pytest.mark.skipif(not HAS_OWN_SPANS, reason="this version of the SDK makes no spans")
def test_the_sdk_s_own_spans_are_what_they_are_without_us(anthropic_faults: Faults, exported: Exported) -> None:
    def spans() -> list[tuple[Any, ...]]:
        exported.spans_in_memory.clear()
        anthropic_faults.script("in_band")
        read(anthropic_faults.client(open_telemetry={"tracer_provider": exported.tracer_provider}))
        return [(span.name, span.status.status_code, sorted(span.attributes or {})) for span in exported.spans]

    without = spans()
    with recorded_calls() as calls:
        assert spans() == without != []
    assert calls.outcomes == ["in_band_error"]
