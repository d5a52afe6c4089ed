"""Every kind of exception and error body, and what it really means: the whole `Failure` each time."""

from __future__ import annotations

import asyncio
import json
import pickle
import ssl
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream._outcomes import Failure, Outcome, Phase, StreamTruncatedError, classify
from midstream._outcomes.classify import bounded_error_type
from midstream._outcomes.status import API_STATUS
from support.clients import HTTP_PACKAGE
from support.sdk_errors import (
    body_of,
    body_raising,
    http,
    http_error,
    in_band_error,
    request_raising,
    response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "the completion"  # noqa: S105 - no password: a text that must not be quoted
OVERLOADED = getattr(anthropic, "OverloadedError", None) or anthropic._exceptions.OverloadedError
NOW = 1_800_000_000.0

FUTILE = {
    *("invalid_request_error", "authentication_error", "billing_error", "permission_error"),
    *("not_found_error", "request_too_large"),
}
"""The error types that no retry helps, spelled out."""


def name_of(error: object) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def in_band(error_type: str, status: int, **others: Any) -> Failure:
    expected: dict[str, Any] = {
        "outcome": Outcome.IN_BAND_ERROR,
        "error_type": error_type,
        "status_code": status,
        "reported_status_code": 200,
        "misreported": True,
        "retryable": True,
        "request_id": "req_body",
        "in_band_request_id": "req_body",
        "exception_type": "anthropic.APIStatusError",
        "message": "No luck",
    }
    return Failure(**{**expected, **others})


def http_failure(error_type: str, status: int, **others: Any) -> Failure:
    expected: dict[str, Any] = {
        "outcome": Outcome.HTTP_ERROR,
        "error_type": error_type,
        "status_code": status,
        "reported_status_code": status,
        "request_id": "req_header",
    }
    return Failure(**{**expected, **others})


# --- in-band errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error_type", "status"), API_STATUS.items())
def test_an_in_band_error_has_the_status_that_its_type_would_have_had(error_type: str, status: int) -> None:
    failure = classify(in_band_error(body_of(error_type)))
    assert failure == in_band(error_type, status, retryable=error_type not in FUTILE)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(body_of("brand_new_error"), in_band("brand_new_error", 500), id="an unknown type"),
        pytest.param(
            body_of("throttlingException"), in_band("throttlingException", 429), id="a type of Bedrock's, SDK 1.7+"
        ),
        pytest.param(
            body_of("overloaded_error", request_id=None),
            in_band("overloaded_error", 529, request_id="req_header", in_band_request_id=None),
            id="no request id in the body",
        ),
        pytest.param(
            "upstream connect error",
            in_band("_OTHER", 500, message="upstream connect error", request_id="req_header", in_band_request_id=None),
            id="a proxy's text",
        ),
        pytest.param(
            {"detail": "upstream timed out"},
            in_band("_OTHER", 500, message="upstream timed out", request_id="req_header", in_band_request_id=None),
            id="JSON without an error object",
        ),
        pytest.param(
            {"error": "upstream timed out"},
            in_band("_OTHER", 500, message="upstream timed out", request_id="req_header", in_band_request_id=None),
            id="an error that is not an object",
        ),
        pytest.param(
            {"error": {"type": 7, "message": 7}, "request_id": 8},
            in_band("_OTHER", 500, message=None, request_id="req_header", in_band_request_id=None),
            id="an error object with values of wrong types",
        ),
        pytest.param(
            {"error": {"type": "", "message": ""}},
            in_band("_OTHER", 500, message=None, request_id="req_header", in_band_request_id=None),
            id="an error object with empty values",
        ),
        pytest.param(
            body_of("overloaded_error", "two\nlines\tand  spaces"),
            in_band("overloaded_error", 529, message="two lines and spaces"),
            id="a message of several lines",
        ),
        pytest.param(
            body_of("t" * 300, "m" * 5000),
            in_band("t" * 128, 500, message="m" * 1024),
            id="a type and a message without end",
        ),
        pytest.param(
            body_of("half_\ud800", "a half \udfff, a bell \a, an escape \x1b[2J", "req_\ud800"),
            in_band(
                "half_\ufffd",
                500,
                message="a half \ufffd, a bell \ufffd, an escape \ufffd[2J",
                request_id="req_\ufffd",
                in_band_request_id="req_\ufffd",
            ),
            id="characters that cannot be encoded or steer a terminal",
        ),
    ],
)
def test_an_in_band_error_of_any_shape(data: str | dict[str, Any], expected: Failure) -> None:
    assert classify(in_band_error(data)) == expected


def test_an_in_band_error_without_any_request_id_has_none() -> None:
    failure = classify(in_band_error(body_of("api_error", request_id=None), request_id=""))
    assert failure == in_band("api_error", 500, request_id=None, in_band_request_id=None)


@pytest.mark.parametrize(("error_type", "status"), [*API_STATUS.items(), ("brand_new_error", 500)])
def test_the_decoded_body_of_an_error_event_is_classified_too(error_type: str, status: int) -> None:
    assert classify(body_of(error_type)) == in_band(
        error_type,
        status,
        reported_status_code=None,
        misreported=False,
        retryable=error_type not in FUTILE,
        exception_type=None,
    )


@pytest.mark.parametrize("body", [{}, {"type": "error"}, {"error": None}, {"error": []}])
def test_an_empty_body_is_an_in_band_error_without_a_type(body: dict[str, Any]) -> None:
    assert classify(body) == Failure(Outcome.IN_BAND_ERROR, "_OTHER", status_code=500, retryable=True)


# --- in-band errors of Bedrock, SDK below 1.7 -----------------------------------------------------------------------


def bedrock_error(headers: str) -> ValueError:
    said = f"{{'status_code': 400, 'headers': {{{headers}}}, 'body': b'{SECRET}'}}"
    return ValueError(f"Bad response code, expected 200: {said}")


@pytest.mark.parametrize(
    ("headers", "error_type", "status", "retryable"),
    [
        ("':exception-type': 'throttlingException', ':message-type': 'exception'", "throttlingException", 429, True),
        ("':exception-type': 'validationException'", "validationException", 400, False),
        ("':exception-type': 'modelStreamErrorException'", "modelStreamErrorException", 424, False),
        ("':exception-type': 'internalServerException'", "internalServerException", 500, True),
        ("':exception-type': 'modelTimeoutException'", "modelTimeoutException", 408, True),
        ("':exception-type': 'serviceUnavailableException'", "serviceUnavailableException", 503, True),
        ("':message-type': 'error', ':error-code': 'brandNewException'", "brandNewException", 500, True),
        ("':message-type': 'error'", "_OTHER", 500, True),
    ],
)
def test_a_bedrock_frame_is_read_off_the_text_of_its_value_error(
    headers: str,
    error_type: str,
    status: int,
    retryable: bool,
) -> None:
    assert classify(bedrock_error(headers)) == Failure(
        Outcome.IN_BAND_ERROR,
        error_type,
        status_code=status,
        leaked=True,
        retryable=retryable,
        exception_type="ValueError",
    )


# --- HTTP errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error_type", "status"), API_STATUS.items())
def test_an_http_error_keeps_its_status_and_has_the_type_of_its_envelope(error_type: str, status: int) -> None:
    error = http_error(status, body_of(error_type, request_id=None))
    assert classify(error) == http_failure(
        error_type,
        status,
        retryable=error_type not in FUTILE,
        exception_type=name_of(error),
        message="No luck",
    )


def test_the_observed_status_of_an_http_error_wins_over_its_type() -> None:
    assert classify(http_error(400, body_of("overloaded_error"))) == http_failure(
        "overloaded_error", 400, exception_type="anthropic.BadRequestError", message="No luck"
    )


HTML = f"<html><head><title>{SECRET}</title></head></html>"


@pytest.mark.parametrize(
    ("status", "content", "retryable", "exception_type"),
    [
        (502, HTML, True, "anthropic.InternalServerError"),
        (500, "", True, "anthropic.InternalServerError"),
        (400, {"secret": SECRET}, False, "anthropic.BadRequestError"),
        (304, "", False, "anthropic.APIStatusError"),
    ],
)
def test_an_http_error_without_an_envelope_has_its_status_as_type(
    status: int,
    content: bytes | str | dict[str, Any],
    retryable: bool,
    exception_type: str,
) -> None:
    assert classify(http_error(status, content)) == http_failure(
        str(status), status, retryable=retryable, exception_type=exception_type
    )


@pytest.mark.parametrize(
    ("status", "header", "retryable"),
    [
        (400, "true", True),
        (500, "false", False),
        (529, "false", False),
        (500, "maybe", True),
        (400, "TRUE", False),
    ],
)
def test_x_should_retry_overrides_the_status(
    status: int,
    header: str,
    retryable: bool,
) -> None:
    error = http_error(status, headers={"x-should-retry": header})
    assert classify(error) == http_failure(str(status), status, retryable=retryable, exception_type=name_of(error))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 15 Jan 99999999999999999999 08:00:00 GMT"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": "1e300"}, 4_294_967.0),
        ({"retry-after-ms": "1e300"}, 4_294_967.0),
        ({"retry-after": "Fri, 15 Jan 9999 08:00:00 GMT"}, 4_294_967.0),
        ({"retry-after-ms": "-1", "retry-after": "7"}, 7.0),
    ],
)
def test_retry_after_is_read_as_the_sdk_reads_it(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: float | None
) -> None:
    error = http_error(429, headers=headers)
    monkeypatch.setattr("time.time", lambda: NOW)
    assert classify(error) == http_failure(
        "429", 429, retryable=True, retry_after=seconds, exception_type="anthropic.RateLimitError"
    )


def test_retry_after_of_a_stream_is_not_about_its_error() -> None:
    failure = classify(in_band_error(body_of("overloaded_error"), {"retry-after": "7", "retry-after-ms": "250"}))
    assert failure == in_band("overloaded_error", 529)


# --- what the application raises itself -----------------------------------------------------------------------------


def test_a_stream_that_the_application_found_truncated_is_what_midstream_finds_it() -> None:
    failure = classify(StreamTruncatedError())
    found = Failure(Outcome.TRUNCATED, "stream_truncated", retryable=True)
    assert failure == replace(found, exception_type="midstream.StreamTruncatedError")
    assert str(failure) == "stream_truncated: the stream ended before its end event"


def test_a_truncated_stream_has_a_message_and_survives_pickling() -> None:
    error = StreamTruncatedError()
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    assert (type(copied), str(copied)) == (StreamTruncatedError, "the stream ended without message_stop")


# --- transport, decoding and everything else ------------------------------------------------------------------------


def wrapped(outcome: Outcome, error_type: str, message: str | None, exception: str = "APIConnectionError") -> Failure:
    return Failure(outcome, error_type, retryable=True, exception_type=f"anthropic.{exception}", message=message)


@pytest.mark.parametrize("name", ["ConnectError", "ReadError", "WriteError", "RemoteProtocolError", "ProxyError"])
def test_what_the_sdk_wraps_before_the_headers_is_a_connection_error(name: str) -> None:
    error = request_raising(getattr(http, name)("it broke"))
    assert classify(error) == wrapped(Outcome.CONNECTION_ERROR, f"{HTTP_PACKAGE}.{name}", "it broke")


@pytest.mark.parametrize("name", ["ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"])
def test_a_timeout_before_the_headers_is_a_connection_error(name: str) -> None:
    error = request_raising(getattr(http, name)("timed out"))
    assert classify(error) == wrapped(
        Outcome.CONNECTION_ERROR, f"{HTTP_PACKAGE}.{name}", "timed out", exception="APITimeoutError"
    )


def test_a_connection_error_without_a_cause_is_named_by_its_class() -> None:
    error = anthropic.APIConnectionError(request=http.Request("POST", "http://api.test"))
    assert classify(error) == wrapped(Outcome.CONNECTION_ERROR, "anthropic.APIConnectionError", None)


def test_an_exception_that_the_sdk_wraps_names_the_connection_error() -> None:
    error = request_raising(RuntimeError(SECRET))
    assert classify(error) == wrapped(Outcome.CONNECTION_ERROR, "RuntimeError", None)


def test_a_wrapped_failure_while_reading_the_body_is_not_a_connection_error() -> None:
    error = body_raising(http.ReadError("reset"))
    assert classify(error) == wrapped(Outcome.TRANSPORT_ERROR, f"{HTTP_PACKAGE}.ReadError", "reset")


def test_a_wrapped_decoding_error_is_malformed() -> None:
    error = body_raising(headers={"content-encoding": "gzip"})
    assert classify(error) == wrapped(Outcome.MALFORMED, f"{HTTP_PACKAGE}.DecodingError", None)


class ClientError(Exception):
    """Like aiohttp's, which need not be installed."""

    __module__ = "aiohttp.client_exceptions"


class ClientPayloadError(ClientError):
    __module__ = "aiohttp.client_exceptions"


class ParserError(Exception):
    """Like botocore's, which need not be installed."""

    __module__ = "botocore.eventstream"


class ChecksumMismatch(ParserError):  # noqa: N818 - the name is botocore's
    __module__ = "botocore.eventstream"


def transport(error_type: str, message: str | None = "it broke") -> Failure:
    return Failure(
        Outcome.TRANSPORT_ERROR,
        error_type,
        leaked=True,
        retryable=True,
        exception_type=error_type,
        message=message,
    )


def malformed(error_type: str) -> Failure:
    return Failure(Outcome.MALFORMED, error_type, leaked=True, retryable=True, exception_type=error_type)


def other(exception_type: str, outcome: Outcome = Outcome.CLIENT_ERROR, *, leaked: bool = True) -> Failure:
    return Failure(outcome, exception_type, leaked=leaked, exception_type=exception_type)


def undecodable() -> Exception:
    try:
        json.loads(f"{SECRET} is not JSON")
    except ValueError as error:
        return error
    raise AssertionError


KEY = SECRET.replace(" ", "%20")
BYTES = f'bytearray(b"{SECRET}")'


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http.ReadError("it broke"), transport(f"{HTTP_PACKAGE}.ReadError")),
        (http.ReadTimeout(""), transport(f"{HTTP_PACKAGE}.ReadTimeout", None)),
        (
            http.RemoteProtocolError(f"illegal chunk header: {BYTES}"),
            transport(f"{HTTP_PACKAGE}.RemoteProtocolError", "illegal chunk header"),
        ),
        (
            ClientPayloadError(f"400, message:\n  Invalid character in chunk size:\n\n    b'{SECRET}'\n      ^"),
            transport("aiohttp.client_exceptions.ClientPayloadError", "400, message: Invalid character in chunk size"),
        ),
        (
            http.ConnectTimeout(f"Connection timeout to host https://me:{KEY}@host/path?key={KEY} (slow)"),
            transport(f"{HTTP_PACKAGE}.ConnectTimeout", "Connection timeout to host https://... (slow)"),
        ),
        (ClientPayloadError("it broke"), transport("aiohttp.client_exceptions.ClientPayloadError")),
        (ConnectionResetError("it broke"), transport("ConnectionResetError")),
        (TimeoutError("it broke"), transport("TimeoutError")),
        (asyncio.TimeoutError("slow"), transport(name_of(asyncio.TimeoutError()).removeprefix("builtins."), "slow")),
        (ssl.SSLError("it broke"), transport("ssl.SSLError", "('it broke',)")),
        (http.DecodingError(SECRET), malformed(f"{HTTP_PACKAGE}.DecodingError")),
        (undecodable(), malformed("json.decoder.JSONDecodeError")),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET), malformed("UnicodeDecodeError")),
        (zlib.error(SECRET), malformed("zlib.error")),
        (ChecksumMismatch(SECRET), malformed("botocore.eventstream.ChecksumMismatch")),
        (ValueError(SECRET), other("ValueError")),
        (AssertionError(SECRET), other("AssertionError")),
        (ValueError("Bad response code"), other("ValueError")),
        (anthropic.AnthropicError(SECRET), other("anthropic.AnthropicError")),
        (KeyboardInterrupt(), other("KeyboardInterrupt", Outcome.CANCELLED, leaked=False)),
        (SystemExit(1), other("SystemExit", Outcome.CANCELLED, leaked=False)),
        (
            asyncio.CancelledError(SECRET),
            other("asyncio.exceptions.CancelledError", Outcome.CANCELLED, leaked=False),
        ),
        (GeneratorExit(), other("GeneratorExit", Outcome.ABANDONED, leaked=False)),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, BaseException) else "",
)
def test_an_exception_that_no_api_error_hides_behind(error: BaseException, expected: Failure) -> None:
    assert classify(error) == expected


def test_a_response_validation_error_reports_its_status_and_nothing_of_the_body() -> None:
    answer = response(200, {})
    answer.request = http.Request("POST", "http://api.test")
    error = anthropic.APIResponseValidationError(answer, body=body_of("api_error", SECRET))
    assert classify(error) == Failure(
        Outcome.CLIENT_ERROR,
        "anthropic.APIResponseValidationError",
        reported_status_code=200,
        exception_type="anthropic.APIResponseValidationError",
    )


def test_the_innermost_exception_of_the_http_client_names_a_chain() -> None:
    error = anthropic.APIConnectionError(request=http.Request("POST", "http://api.test"))
    outer, inner = http.ReadError("outer"), http.ConnectError("inner")
    error.__cause__, outer.__cause__, inner.__cause__ = outer, inner, ConnectionResetError("innermost")
    assert classify(error) == wrapped(Outcome.CONNECTION_ERROR, f"{HTTP_PACKAGE}.ConnectError", "innermost")


def test_the_context_of_an_exception_does_not_decide() -> None:
    error = ValueError(SECRET)
    error.__context__ = http.ReadError("the application's own")
    assert classify(error) == other("ValueError")


@pytest.mark.parametrize("thing", [None, 0, "text", b"bytes", object(), ValueError, [], body_of, ("error", "x")])
def test_what_is_neither_an_exception_nor_a_body_is_a_client_error(thing: object) -> None:
    assert classify(thing) == Failure(Outcome.CLIENT_ERROR, "_OTHER")


# --- for people ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: in_band_error(body_of("overloaded_error", "Overloaded", "req_1")),
            "529 overloaded_error: Overloaded (request req_1)",
        ),
        (lambda: in_band_error("upstream gone"), "500 error without a type: upstream gone (request req_header)"),
        (lambda: in_band_error({"secret": SECRET}, request_id="req_2"), "500 error without a type (request req_2)"),
        (
            lambda: http_error(401, body_of("authentication_error", "Wrong\r\nkey")),
            "401 authentication_error: Wrong key (request req_header)",
        ),
        (lambda: http_error(502, HTML), "502 Bad Gateway (request req_header)"),
        (lambda: http_error(529, HTML), "529 without a reason (request req_header)"),
        (
            lambda: bedrock_error("':exception-type': 'throttlingException'"),
            "429 throttlingException; not an anthropic.APIError",
        ),
        (lambda: request_raising(http.ConnectError("refused")), f"{HTTP_PACKAGE}.ConnectError: refused"),
        (lambda: http.ReadError("reset"), f"{HTTP_PACKAGE}.ReadError: reset; not an anthropic.APIError"),
        (lambda: http.ReadTimeout(""), f"{HTTP_PACKAGE}.ReadTimeout; not an anthropic.APIError"),
        (undecodable, "json.decoder.JSONDecodeError; not an anthropic.APIError"),
        (lambda: http.DecodingError(SECRET), f"{HTTP_PACKAGE}.DecodingError; not an anthropic.APIError"),
        (lambda: AssertionError(SECRET), "AssertionError; not an anthropic.APIError"),
        (lambda: anthropic.AnthropicError(SECRET), "anthropic.AnthropicError; not an anthropic.APIError"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
        (GeneratorExit, "GeneratorExit"),
        (lambda: body_of("api_error", "Oh", "req_1"), "500 api_error: Oh (request req_1)"),
        (dict, "500 error without a type"),
        (lambda: None, "client_error"),
        (
            lambda: body_of("odd\n{type}", "with\u2028separators\x00", "r"),
            "500 odd {type}: with separators\ufffd (request r)",
        ),
    ],
)
def test_a_failure_is_one_line(make: Callable[[], object], line: str) -> None:
    assert str(classify(make())) == line


def test_an_error_that_may_have_had_a_response_does_not_claim_that_it_had_none() -> None:
    over_an_answer = replace(classify(AssertionError()), phase=Phase.REQUEST)
    assert str(over_an_answer) == "AssertionError; not an anthropic.APIError"
    assert str(replace(over_an_answer, phase=Phase.CONTENT)) == (
        "AssertionError after content had arrived; not an anthropic.APIError"
    )


def test_a_long_message_gives_way_to_what_comes_after_it() -> None:
    line = str(classify(in_band_error(body_of("overloaded_error", "x" * 9999, "req_1"))))
    assert line == f"529 overloaded_error: {'x' * (1024 - 22 - 16)} (request req_1)"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Incorrect API key provided: sk-ant-api03-Ab_1.", "Incorrect API key provided: sk-..."),
        ("no such token: Bearer eyJhbGciOi.J9-_x=", "no such token: Bearer ..."),
        ("the basic subscription has no sk-models", "the basic subscription has no sk-models"),
    ],
)
def test_a_key_that_the_api_or_a_gateway_quotes_is_not_recorded(said: str, told: str) -> None:
    assert classify({"error": {"type": "authentication_error", "message": said}}).message == told


def test_the_representation_of_a_failure_leaves_out_the_message() -> None:
    assert SECRET not in repr(classify(body_of("api_error", SECRET)))


# --- for metrics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (body_of("overloaded_error"), "overloaded_error"),
        (body_of("throttlingException"), "throttlingException"),
        (body_of("made_up_today"), "_OTHER"),
        ({}, "_OTHER"),
        (http.ReadError("x"), f"{HTTP_PACKAGE}.ReadError"),
        (undecodable(), "json.decoder.JSONDecodeError"),
        (ValueError(), "ValueError"),
        ({"error": {"code": 429}}, "429"),
    ],
)
def test_metrics_have_only_types_of_which_there_are_few(error: object, error_type: str) -> None:
    assert bounded_error_type(classify(error)) == error_type


@pytest.mark.parametrize(("content", "error_type"), [("", "502"), (body_of("made_up_today"), "_OTHER")])
def test_metrics_have_the_status_of_an_http_error_without_an_envelope(content: Any, error_type: str) -> None:
    assert bounded_error_type(classify(http_error(502, content))) == error_type
