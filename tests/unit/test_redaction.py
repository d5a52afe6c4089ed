"""The quick looks before the expressions of the redaction miss nothing that these would find."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from midstream._outcomes import redaction

KEY = re.compile(redaction._QUOTED_KEY, re.IGNORECASE | re.VERBOSE)
URL = re.compile(redaction._QUOTED_URL)


@given(st.from_regex(KEY))
def test_every_text_with_a_key_loses_it(text: str) -> None:
    assert redaction.without_keys(text) == KEY.sub(r"\g<kind>...", text)


@given(st.from_regex(URL))
def test_every_text_with_a_url_loses_it(text: str) -> None:
    assert redaction.without_urls(text) == URL.sub(r"\1...", text)
