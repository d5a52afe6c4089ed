"""What every close of a stream has in common, whoever closes it and however."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from midstream._outcomes import Verdict
    from midstream._sdk.calls import Call


class Closing:
    """To be entered while a stream is closed: judged before, so that what follows does not count, recorded after.

    `verdict` is the one to record, `None` for none. `by_application`: not by a finalizer, which may run anywhere.
    """

    __slots__ = ("_by_application", "_call", "_verdict")

    def __init__(self, call: Call | None, verdict: Verdict | None, *, by_application: bool = False) -> None:
        self._call = call
        self._verdict = verdict
        self._by_application = by_application

    def __enter__(self) -> None:
        """Does nothing: it is judged."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._call is not None:
            self._call.tell(self._verdict, by_application=self._by_application)
