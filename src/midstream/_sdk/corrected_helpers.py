"""Helpers around streams with corrected errors: the error that ended one is raised again.

`get_final_message()` reads to the end and returns what there is. Without this, it would return half a message to an
application that has caught the error before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from midstream._outcomes.corrected import CorrectedError
from midstream._sdk.events import ObservedAsyncHelper, observed_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from midstream._sdk.events import Find


class CorrectedHelper:
    """`observed_helper` that raises its error again."""

    __slots__ = ("__weakref__", "_events", "_raised")

    def __init__(self, events: Iterator[Any], find: Find) -> None:
        self._events = observed_helper(events, find)
        self._raised: CorrectedError | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._raised is not None:
            raise self._raised
        try:
            return next(self._events)
        except CorrectedError as error:
            self._raised = error
            raise


class CorrectedAsyncHelper(ObservedAsyncHelper):
    """`ObservedAsyncHelper` that raises its error again."""

    __slots__ = ("_raised",)

    def __init__(self, events: Any, find: Find) -> None:
        super().__init__(events, find)
        self._raised: CorrectedError | None = None

    async def __anext__(self) -> Any:
        if self._raised is not None:
            raise self._raised
        try:
            return await super().__anext__()
        except CorrectedError as error:
            self._raised = error
            raise
