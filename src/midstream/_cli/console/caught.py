"""What the commands do about exceptions of code that is not midstream's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Caught:
    """A context manager that catches what any application would: every `Exception`."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        """What was raised. `None` if nothing was."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Keeps and swallows `error` if it is an `Exception`."""
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True
