"""The codes with which the API names the cause of an error, more precisely than with its type."""

from __future__ import annotations

from midstream.outcomes.values import LONGEST_NAME, field, text

__all__ = ("error_code",)


def error_code(body: object) -> str | None:
    """The code in `body`, the decoded body of an error, over HTTP or in band: its `error.details.error_code`.

    `compaction_unavailable`, for one, tells an `overloaded_error` of a compaction from that of a model. The SDK has it
    from 2.14 on, as `APIStatusError.error_code`; the body has it with every version. `None` if there is no code, or one
    that is no name: not a text, or longer than `LONGEST_NAME`. Never raises.
    """
    code = text(field(field(field(body, "error"), "details"), "error_code"), LONGEST_NAME + 1)
    return None if code is None or len(code) > LONGEST_NAME else code
