"""Values of any kind, for hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from support.hostile import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("any_json", "any_text", "anything", "api_like")

any_text = (
    st.text(st.characters(), max_size=50)
    | st.sampled_from(["\ud800", "\r\n\x00\x1b[2J", " \u2028 "])
    | st.integers(1000, 9999).map(lambda length: "x" * length)
)
leaf = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(max_size=50)
any_json = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
api_like = st.fixed_dictionaries(
    {},
    optional={
        "type": any_json,
        "request_id": any_json,
        "error": any_json | st.fixed_dictionaries({}, optional={"type": any_json, "message": any_json}),
    },
)

# Functions, because hypothesis inspects the values that it draws, and these raise then.
anything: st.SearchStrategy[Callable[[], object]] = st.sampled_from(MAKERS) | (any_json | api_like).map(
    lambda value: lambda: value
)
