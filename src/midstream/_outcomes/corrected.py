"""The mark of corrected exceptions, by which `classify` finds what really happened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure


class CorrectedError(Exception):
    """An exception that midstream raises in place of what the SDK did, because the application requested it."""

    failure: Failure
    """The result of `classify` for the original."""

    def __str__(self) -> str:
        """The failure in one line."""
        # The original leaked; this one is an anthropic.APIError.
        return str(replace(self.failure, leaked=False))
