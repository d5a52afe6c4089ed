"""The code of an error, which names its cause more precisely than its type."""

from __future__ import annotations

from typing import Any

import pytest

from midstream._outcomes.api_errors import error_code
from support.hostile import Explosive
from support.sdk_errors import body_of, http_error, in_band_error


def with_code(code: object) -> dict[str, Any]:
    body = body_of("overloaded_error")
    body["error"]["details"] = {"error_code": code}
    return body


def overloaded(body: dict[str, Any]) -> BaseException:
    return http_error(529, body)


@pytest.mark.parametrize("raised", [overloaded, in_band_error])
def test_the_code_of_an_error_that_the_sdk_raises_is_in_its_body(raised: Any) -> None:
    error = raised(with_code("compaction_unavailable"))
    assert error_code(error.body) == "compaction_unavailable"
    assert getattr(error, "error_code", "compaction_unavailable") == "compaction_unavailable"


@pytest.mark.parametrize(
    "body",
    [
        body_of("overloaded_error"),
        with_code(None),
        with_code(""),
        with_code(529),
        with_code(["compaction_unavailable"]),
        with_code("x" * 129),
        {"error": {"details": None}},
        {"error": "overloaded"},
        "529 Overloaded",
        b"",
        None,
    ],
    ids=repr,
)
def test_a_code_that_is_not_a_name_is_ignored(body: object) -> None:
    assert error_code(body) is None


def test_a_code_is_as_long_as_a_name_at_most() -> None:
    assert error_code(with_code("x" * 128)) == "x" * 128


def test_a_body_that_raises_has_no_code() -> None:
    assert [error_code(body) for body in (Explosive(), {"error": Explosive()})] == [None, None]
