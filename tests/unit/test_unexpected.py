"""A body that cannot be read is judged by its media type alone."""

from __future__ import annotations

import pytest

from midstream._outcomes.kinds import MESSAGES, UNDELIMITED
from midstream._outcomes.unexpected import unexpected_by_name


@pytest.mark.parametrize("media_type", ["", "application/json", "application/problem+json"])
def test_a_document_may_be_json_or_have_no_media_type(media_type: str) -> None:
    assert unexpected_by_name(media_type, MESSAGES, events=False) is None


def test_a_document_of_another_media_type_is_unexpected() -> None:
    failure = unexpected_by_name("text/html", MESSAGES, events=False)
    assert failure is not None
    assert failure.message == "text/html instead of JSON"


def test_a_file_may_have_any_media_type() -> None:
    assert unexpected_by_name("text/html", UNDELIMITED, events=False) is None
