"""The mark of corrected exceptions, by which `classify` finds what really happened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure


class CorrectedError(Exception):
    """An exception that midstream raises in place of what the SDK did, because the application requested it."""

    failure: Failure
    """The result of `classify` for the original, with the class of this one."""

    def __str__(self) -> str:
        """The failure in one line."""
        # Not what the SDK raised instead, nor the class of this one, which is beside it wherever it is shown.
        return str(replace(self.failure, leaked=False, corrected_type=None))
