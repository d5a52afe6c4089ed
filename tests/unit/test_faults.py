"""The scenarios: what their names mean, and what they say about how a call ends."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from midstream._outcomes.vocabulary import Outcome, Phase
from midstream.faults import DEFAULT_EVENTS, EXAMPLES, FAMILIES, Expectation, Operation, Scenario, expectation_of, parse
from midstream.faults._answers import text_answer
from midstream.faults._api_errors import API_ERRORS


def test_a_name_is_parsed_into_its_family_its_argument_and_its_k() -> None:
    assert parse("in_band:rate_limit_error@1") == Scenario(
        name="in_band:rate_limit_error@1",
        family="in_band",
        explanation="an SSE error event of type rate_limit_error after 1 events of a 200 stream",
        expectation=Expectation(
            Outcome.IN_BAND_ERROR,
            error_type="rate_limit_error",
            status_code=429,
            reported_status_code=200,
            leaked=False,
            misreported=True,
            phase=Phase.OPENING,
        ),
        argument="rate_limit_error",
        k=1,
        attempts=1,
    )


def test_what_a_name_leaves_out_has_a_default() -> None:
    left_out = {name: parse(name) for name in ("ok", "in_band", "http", "http_html", "retry", "slow", "reset")}
    assert {name: (scenario.argument, scenario.k) for name, scenario in left_out.items()} == {
        "ok": ("4", None),
        "in_band": ("overloaded_error", 4),
        "http": ("overloaded_error", None),
        "http_html": ("502", None),
        "retry": ("3", None),
        "slow": ("100", None),
        "reset": (None, 4),
    }


def test_an_error_type_may_be_any_text() -> None:
    scenario = parse("in_band:odd: {type}@0")
    assert (scenario.argument, scenario.k, scenario.expectation.status_code) == ("odd: {type}", 0, 500)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("claude", f"model 'claude' is not a scenario: the families are {', '.join(FAMILIES)}"),
        ("", f"model '' is not a scenario: the families are {', '.join(FAMILIES)}"),
        (
            "reset@9",
            "model 'reset@9' is not a scenario: K must be a number from 0 to 8, not '9'; the spelling is reset@K",
        ),
        (
            "reset@",
            "model 'reset@' is not a scenario: K must be a number from 0 to 8, not ''; the spelling is reset@K",
        ),
        (
            "reset:x",
            "model 'reset:x' is not a scenario: 'x' is more than it takes; the spelling is reset@K",
        ),
        (
            "ok@2",
            "model 'ok@2' is not a scenario: '2' is more than it takes; the spelling is ok:N",
        ),
        (
            "ok:0",
            "model 'ok:0' is not a scenario: N must be a number from 1 to 100000, not '0'; the spelling is ok:N",
        ),
        (
            "http:",
            "model 'http:' is not a scenario: TYPE must not be empty; the spelling is http:TYPE",
        ),
        (
            "http_html:200",
            (
                "model 'http_html:200' is not a scenario: STATUS must be a number from 400 to 599, not '200'; "
                "the spelling is http_html:STATUS"
            ),
        ),
    ],
)
def test_a_wrong_name_is_answered_with_what_is_wrong_and_what_is_allowed(model: str, message: str) -> None:
    with pytest.raises(ValueError, match="not a scenario") as caught:
        parse(model)
    assert str(caught.value) == message


def test_a_wrong_name_is_quoted_only_so_far() -> None:
    with pytest.raises(ValueError, match="not a scenario") as caught:
        parse("slow:" + "9" * 10_000)
    assert len(str(caught.value)) < 500


_LEAKED_TRANSPORT = (Outcome.TRANSPORT_ERROR, None, None, True, False, Phase.CONTENT)
_LEAKED_MALFORMED = (Outcome.MALFORMED, None, None, True, False, Phase.CONTENT)
_COMPLETED = Expectation(Outcome.COMPLETED, None, None, None, leaked=False, misreported=False, phase=None)


_UNMARKED: tuple[Operation, ...] = ("batch_results", "session_events", "file_download")
_READ_AS_A_WHOLE: tuple[Operation, ...] = ("chat", "text_completion", "count_tokens", "file_download")


def _expected(error_type: str, rest: tuple[Outcome, int | None, int | None, bool, bool, Phase]) -> Expectation:
    outcome, status, reported, leaked, misreported, phase = rest
    return Expectation(outcome, error_type, status, reported, leaked, misreported, phase)


_EXPECTED = {
    "ok": _COMPLETED,
    "tool_use": _COMPLETED,
    "thinking": _COMPLETED,
    "retry": _COMPLETED,
    "slow": _COMPLETED,
    "in_band": _expected("overloaded_error", (Outcome.IN_BAND_ERROR, 529, 200, False, True, Phase.CONTENT)),
    "in_band_text": _expected("_OTHER", (Outcome.IN_BAND_ERROR, 500, 200, False, True, Phase.CONTENT)),
    "in_band_bare": _expected("_OTHER", (Outcome.IN_BAND_ERROR, 500, 200, False, True, Phase.CONTENT)),
    "unnamed_error": _expected("408", (Outcome.IN_BAND_ERROR, 408, None, False, False, Phase.CONTENT)),
    "unnamed": replace(
        _expected("stream_truncated", (Outcome.TRUNCATED, None, None, False, False, Phase.OPENING)), futile=True
    ),
    "no_blank_line": _COMPLETED,
    "html": replace(
        _expected("unexpected_media_type", (Outcome.MALFORMED, None, None, False, False, Phase.OPENING)), futile=True
    ),
    "envelope": _expected("overloaded_error", (Outcome.IN_BAND_ERROR, 529, None, False, False, Phase.OPENING)),
    "http": _expected("overloaded_error", (Outcome.HTTP_ERROR, 529, 529, False, False, Phase.REQUEST)),
    "http_html": _expected("502", (Outcome.HTTP_ERROR, 502, 502, False, False, Phase.REQUEST)),
    "reset": _expected("{httpx}.ReadError", _LEAKED_TRANSPORT),
    "fin": _expected("{httpx}.RemoteProtocolError", _LEAKED_TRANSPORT),
    "fin_length": _expected("{httpx}.RemoteProtocolError", _LEAKED_TRANSPORT),
    "bad_chunk": _expected("{httpx}.RemoteProtocolError", _LEAKED_TRANSPORT),
    "stall": _expected("{httpx}.ReadTimeout", _LEAKED_TRANSPORT),
    "cut": _expected("stream_truncated", (Outcome.TRUNCATED, None, None, False, False, Phase.CONTENT)),
    "eof": _expected("stream_truncated", (Outcome.TRUNCATED, None, None, False, False, Phase.CONTENT)),
    "bad_json": _expected("json.decoder.JSONDecodeError", _LEAKED_MALFORMED),
    "bad_utf8": _expected("UnicodeDecodeError", _LEAKED_MALFORMED),
    "bad_gzip": _expected("{httpx}.DecodingError", _LEAKED_MALFORMED),
    "hangup": _expected(
        "{httpx}.RemoteProtocolError", (Outcome.CONNECTION_ERROR, None, None, False, False, Phase.REQUEST)
    ),
    "silent": _expected("{httpx}.ReadTimeout", (Outcome.CONNECTION_ERROR, None, None, False, False, Phase.REQUEST)),
}


def test_a_family_has_how_its_calls_end() -> None:
    assert {name: parse(name).expectation for name in _EXPECTED} == _EXPECTED


@pytest.mark.parametrize(("error_type", "error"), API_ERRORS.items())
def test_an_error_type_has_one_status_in_band_and_over_http(error_type: str, error: object) -> None:
    in_band, http = parse(f"in_band:{error_type}").expectation, parse(f"http:{error_type}").expectation
    assert API_ERRORS[error_type] is error
    assert in_band.status_code == http.status_code == http.reported_status_code == API_ERRORS[error_type].status
    assert in_band.error_type == http.error_type == error_type


def test_the_phase_follows_from_the_events_sent_before_the_fault() -> None:
    assert [parse(f"cut@{k}").expectation.phase for k in range(DEFAULT_EVENTS)] == [
        *[Phase.OPENING] * 3,
        *[Phase.CONTENT] * 5,
        Phase.CLOSING,
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_expectation_of_a_scenario_is_for_a_streamed_message(name: str) -> None:
    assert expectation_of(parse(name), "chat") == parse(name).expectation


def test_retryable_follows_from_the_status_and_from_the_unexpected_body() -> None:
    futile = [name for name in FAMILIES if (end := parse(name).expectation).outcome.is_failure and not end.retryable]
    assert futile == ["unnamed", "html"]
    by_status = {name: parse(f"in_band:{name}").expectation.retryable for name in API_ERRORS}
    assert [name for name, retryable in by_status.items() if not retryable] == [
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
    ]
    assert not parse("ok").expectation.retryable


@pytest.mark.parametrize("operation", _UNMARKED)
@pytest.mark.parametrize("family", ["cut", "eof"])
def test_a_stream_that_does_not_say_when_it_is_whole_is_never_truncated(operation: Operation, family: str) -> None:
    ends = [expectation_of(parse(f"{family}@{k}"), operation) for k in range(DEFAULT_EVENTS)]
    assert ends == [_COMPLETED] * DEFAULT_EVENTS


def test_a_completion_is_truncated_before_its_last_event() -> None:
    ends = [expectation_of(parse(f"cut@{k}"), "text_completion") for k in range(DEFAULT_EVENTS)]
    opening = Expectation(Outcome.TRUNCATED, "stream_truncated", phase=Phase.OPENING)
    assert ends == [opening, *[replace(opening, phase=Phase.CONTENT)] * (DEFAULT_EVENTS - 1)]


@pytest.mark.parametrize("operation", ["text_completion", *_UNMARKED])
def test_what_is_not_a_message_has_content_from_its_first_piece_on_and_does_not_close(operation: Operation) -> None:
    phases = [expectation_of(parse(f"reset@{k}"), operation).phase for k in range(DEFAULT_EVENTS)]
    assert phases == [Phase.OPENING, *[Phase.CONTENT] * (DEFAULT_EVENTS - 1)]


@pytest.mark.parametrize("operation", ["batch_results", "file_download"])
@pytest.mark.parametrize("family", ["in_band", "in_band_text", "in_band_bare", "unnamed_error"])
def test_what_is_not_an_event_stream_refuses_errors_in_band(operation: Operation, family: str) -> None:
    assert expectation_of(parse(family), operation) == Expectation(
        Outcome.HTTP_ERROR, "invalid_request_error", 400, 400, phase=Phase.REQUEST
    )


def test_what_only_events_can_have_is_whole_in_any_other_body() -> None:
    for operation in ("count_tokens", "batch_results", "file_download"):
        for family in ("unnamed", "no_blank_line"):
            assert expectation_of(parse(family), operation, streamed=operation == "batch_results") == _COMPLETED


def test_an_unexpected_document_is_the_same_failure_streamed_or_not() -> None:
    for name in ("html", "envelope:api_error"):
        for streamed in (True, False):
            assert expectation_of(parse(name), "chat", streamed=streamed) == parse(name).expectation
        assert expectation_of(parse(name), "file_download") == _COMPLETED
    line = expectation_of(parse("envelope:api_error"), "batch_results")
    assert (line.error_type, line.phase) == ("api_error", Phase.CONTENT)
    assert expectation_of(parse("html"), "batch_results").error_type == "json.decoder.JSONDecodeError"


def test_a_body_that_is_read_as_a_whole_fails_before_its_content_and_inside_the_sdk() -> None:
    for operation in _READ_AS_A_WHOLE:
        assert expectation_of(parse("stall@8"), operation, streamed=False) == Expectation(
            Outcome.TRANSPORT_ERROR, "{httpx}.ReadTimeout", phase=Phase.OPENING
        )


def test_the_class_of_a_transport_error_is_named_after_the_http_package_in_use() -> None:
    reset, cut, ok = (parse(name).expectation for name in ("reset", "cut", "ok"))
    assert reset.error_type_for("httpx2") == "httpx2.ReadError"
    assert reset.error_type_for("httpx") == "httpx.ReadError"
    assert cut.error_type_for("httpx2") == "stream_truncated"
    assert ok.error_type_for("httpx2") is None


def test_a_scenario_knows_how_many_attempts_it_takes() -> None:
    assert {name: parse(name).attempts for name in ("retry:1", "retry:7", "ok:7")} == {
        "retry:1": 1,
        "retry:7": 7,
        "ok:7": 1,
    }


def test_the_default_answer_has_its_documented_events() -> None:
    types = [event.type for event in text_answer().events("ok")]
    assert types == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 4,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert len(types) - types.count("ping") == DEFAULT_EVENTS == 9


def test_every_family_is_listed_and_explained() -> None:
    assert {parse(name).family for name in EXAMPLES} == set(FAMILIES)
    lines = [
        *(family.explanation for family in FAMILIES.values()),
        *(parse(name).explanation for name in EXAMPLES),
    ]
    assert all(lines)
    assert not [line for line in lines if "\n" in line or "{" in line]
    assert FAMILIES["in_band"].spelling == "in_band:TYPE@K"
    assert FAMILIES["in_band"].explanation == "an SSE error event of type TYPE after K events of a 200 stream"


def test_the_examples_show_every_documented_error_type_in_band_and_one_that_is_not() -> None:
    types = {scenario.argument for scenario in map(parse, EXAMPLES) if scenario.family == "in_band"}
    memory = {"memory_path_conflict_error", "memory_precondition_failed_error"}
    assert types == {*API_ERRORS, "unheard_of_error"} - memory
    assert len(set(EXAMPLES)) == len(EXAMPLES)


def test_the_server_needs_the_standard_library_only() -> None:
    script = (
        "import sys; before = set(sys.modules); import midstream.faults; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "['midstream']\n"
