"""The errors of APIs, gateways and cloud providers, in all their spellings: type, status, message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from midstream._outcomes import Outcome, classify
from midstream._outcomes.api_errors import api_error_in, says_error
from midstream._outcomes.classify import in_band_error
from midstream._outcomes.redaction import without_keys, without_urls

NESTED: dict[str, Any] = {"error": {"type": "rate_limit_error", "message": "slow"}}


@pytest.mark.parametrize(
    ("body", "error_type", "status", "message"),
    [
        ({"error": {"message": "m", "type": "None", "code": "429"}}, "429", 429, "m"),
        ({"error": {"message": "m", "type": "null", "code": 429.0}}, "429", 429, "m"),
        ({"error": {"message": "m", "type": "BadRequestError", "code": 400}}, "BadRequestError", 400, "m"),
        ({"error": {"message": "m", "type": "429"}}, "429", 429, "m"),
        ({"error": {"message": "m", "type": " overloaded_error "}}, "overloaded_error", 529, "m"),
        ({"error": {"message": "m", "type": "overloaded_error", "code": 400}}, "overloaded_error", 529, "m"),
        ({"error": {"message": "m", "code": 700}}, "_OTHER", 500, "m"),
        ({"error": {"message": "m", "code": True}}, "_OTHER", 500, "m"),
        ({"error": {"message": "m", "code": "DeploymentNotFound", "status": 404}}, "DeploymentNotFound", 404, "m"),
        ({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}, "RESOURCE_EXHAUSTED", 429, "m"),
        ([{"error": {"message": "m", "status": "INVALID_ARGUMENT"}}], "INVALID_ARGUMENT", 400, "m"),
        ({"__type": "a.b#ThrottlingException:x", "Message": "m"}, "ThrottlingException", 429, "m"),
        ({"error": "invalid_grant", "error_description": "m"}, "invalid_grant", 500, "m"),
        ({"error": "overloaded_error"}, "overloaded_error", 529, None),
        ({"error": "Overloaded"}, "_OTHER", 500, "Overloaded"),
        ({"type": "about:blank", "title": "m", "status": 503}, "503", 503, "m"),
        ({"detail": [{"loc": ["body"], "msg": "m"}]}, "_OTHER", 500, "m"),
        ({"success": False, "errors": [{"code": 1, "message": "m"}]}, "_OTHER", 500, "m"),
        ({"error": NESTED}, "rate_limit_error", 429, "slow"),
        ({"error": {"message": NESTED}}, "rate_limit_error", 429, "slow"),
        ({"detail": NESTED}, "rate_limit_error", 429, "slow"),
        ({"error": {"message": json.dumps(NESTED), "type": "None", "code": "500"}}, "rate_limit_error", 429, "slow"),
        ({"error": {"message": json.dumps(NESTED), "type": "api_error"}}, "rate_limit_error", 429, "slow"),
        ({"error": {"message": json.dumps([NESTED]), "code": 502}}, "rate_limit_error", 429, "slow"),
        ({"error": {"message": "{not JSON}", "type": "api_error"}}, "api_error", 500, None),
        (str(NESTED), "rate_limit_error", 429, None),
        (f"event: error\r\ndata: {json.dumps(NESTED)}\r\n\r\ndata: [DONE]\n\n", "rate_limit_error", 429, "slow"),
        ("data: upstream timed out\n\n", "_OTHER", 500, "upstream timed out"),
        ("data: ", "_OTHER", 500, None),
        (str({"type": "error", **NESTED}), "rate_limit_error", 429, None),
        ("overloaded_error", "overloaded_error", 529, None),
        ("upstream gone", "_OTHER", 500, "upstream gone"),
        ('{"type":"error","error":{"type":"overloaded_error","mess', "overloaded_error", 529, None),
        ("<html>sign in</html>", "_OTHER", 500, None),
        (7, "_OTHER", 500, None),
    ],
)
def test_an_error_is_read_in_every_spelling(body: object, error_type: str, status: int, message: str | None) -> None:
    failure = in_band_error(body)
    assert (failure.outcome, failure.error_type, failure.status_code, failure.message) == (
        Outcome.IN_BAND_ERROR,
        error_type,
        status,
        message,
    )


@pytest.mark.parametrize("word", ["", "None", "null", "NIL", "undefined", "Unknown", "n/a", "error", "about:blank"])
def test_a_word_that_serializers_write_for_nothing_is_not_a_type(word: str) -> None:
    failure = in_band_error({"error": {"type": word, "message": "m", "code": 429}})
    assert (failure.error_type, failure.status_code) == ("429", 429)


def test_errors_that_are_nested_without_end_are_read_so_far() -> None:
    body: dict[str, Any] = {"message": "deep"}
    for _ in range(100):
        body = {"error": body}
    assert api_error_in(body).message is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": {}},
        {"error": "boom"},
        [NESTED],
        {"type": "error"},
        {"object": "error", "message": "m"},
        {"code": 429, "message": "m"},
        {"error": 503, "message": "m"},
        {"__type": "ThrottlingException", "message": "m"},
    ],
)
def test_a_body_is_an_error_by_its_shape(body: object) -> None:
    assert says_error(body)


@pytest.mark.parametrize(
    "body",
    [{}, None, [], "error", {"error": None}, {"error": False}, {"message": "m"}, {"type": "message"}, {"code": 429}],
)
def test_any_other_body_is_not(body: object) -> None:
    assert not says_error(body)


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        ("sk-ant-SECRETSECRETSECRET is wrong", "sk-... is wrong"),
        ("Bearer: abcdefghijklmnop1", "Bearer: ..."),
        ("Bearer abcdefghijklmnopqrst", "Bearer ..."),
        ("x-api-key: 0123456789", "x-api-key: ..."),
        ('{"api_key": "0123456789"}', '{"api_key": "..."}'),
        ("eyJhbGciOiJIUzI1NiJ9.payload.signature", "eyJ..."),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA..."),
        ("ya29.a0AfH6SMBx", "ya29...."),
        ("the basic subscription has no sk-models", "the basic subscription has no sk-models"),
        ("your api key is missing", "your api key is missing"),
    ],
)
def test_a_key_that_a_message_quotes_is_left_out(said: str, recorded: str) -> None:
    assert without_keys(said) == recorded


def test_urls_are_left_out_of_the_messages_of_an_api_too() -> None:
    message = "POST https://me:password@host/p?key=AIza failed"
    assert without_urls(message) == "POST https://... failed"
    assert classify({"error": {"type": "api_error", "message": message}}).message == "POST https://... failed"
