"""The ends of a call that the application causes: it closes or drops the stream, or the interpreter exits."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from midstream._sdk import callers

if TYPE_CHECKING:
    from types import TracebackType

    from midstream._guard import Guards
    from midstream._outcomes import StreamWatch, Verdict
    from midstream._sdk.reporting import CallReport


class Closing:
    """Judge before, report after: to be entered while a stream is closed.

    The verdict is decided before, so that what the close causes does not count, and reported when the connection is
    released. Without a report or a verdict, nothing is reported.
    """

    __slots__ = ("_by_application", "_report", "_verdict")

    def __init__(
        self, report: CallReport | None = None, verdict: Verdict | None = None, *, by_application: bool = False
    ) -> None:
        self._report = report
        self._verdict = verdict
        self._by_application = by_application

    def __enter__(self) -> None:
        """Does nothing: the verdict is decided."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._report is not None:
            self._report.report(self._verdict, by_application=self._by_application)


_NO_END: Final = Closing()
"""For a close that does not end the call."""


class ClosableCall:
    """A call, as what closes its stream or its body sees it. Nothing here raises."""

    __slots__ = ("__weakref__", "_parser", "is_reading", "report", "watch")

    report: CallReport
    watch: StreamWatch
    """Missing in a call that was interrupted in its construction, and never began."""
    _parser: weakref.ref[Any] | None
    is_reading: bool
    """Whether the body is being read. A close then comes from another thread or task."""

    @property
    def guards(self) -> Guards:
        """They count internal errors where the call is recorded."""
        return self.report.reporter.guards

    @property
    def _is_settled(self) -> bool:
        # Asked before any guard: at the exit of the interpreter, what outlives the modules finds no guard.
        return self.watch.ended or self.report.is_inherited

    @property
    def is_parsed(self) -> bool:
        """Whether a parser decodes the body."""
        return self._parser is not None

    def parsed_by(self, parser: Any) -> None:
        """`parser` decodes the body from now on, so the ends of the body itself are not the ends of the call."""
        try:
            self._parser = weakref.ref(parser)
        except Exception:
            if not self.guards.streams.contains_error():
                raise

    def closing(self, last_event: object = None, *, by_application: bool = False) -> Closing:
        """To be entered while the stream is closed."""
        verdict: Verdict | None = None
        if not self._is_settled:
            with self.guards.calls:
                verdict = self.watch.closed(last_event)
        return Closing(self.report, verdict, by_application=by_application)

    def closing_body(self) -> Closing:
        """To be entered while the body is closed, which counts if it is the application that closes it.

        The SDK's parser closes the body itself when it ends, while it runs and between two reads.
        """
        if self._is_settled or (not self.is_reading and self._parser_is_running()):
            return _NO_END
        verdict: Verdict | None = None
        with self.guards.bodies:
            verdict = self.watch.closed()
        return Closing(self.report, verdict)

    def is_closed_by_parser(self) -> bool:
        """Whether the SDK's parser, and not the application, called what closes the stream."""
        with self.guards.streams:
            return callers.called_by(None if self._parser is None else self._parser())
        return False

    def dropped(self) -> None:
        """The application dropped the call, or what reads its body, before its end."""
        if self._is_settled:
            return
        with self.guards.calls:
            self.report.report(self.watch.closed())

    def __del__(self) -> None:
        if hasattr(self, "watch"):
            if not self.watch.ended:
                self.dropped()
            if self.report.is_open:
                # Its report is deferred, was interrupted, or was too near the recursion limit.
                with self.guards.calls:
                    self.report.stream_closed()

    def forget(self) -> None:
        """The call cannot be observed any more: its span ends, and its outcome is not recorded."""
        with self.guards.calls:
            if not self._is_settled and self.watch.closed() is not None:
                self.report.discard()

    def exit(self) -> None:
        """The interpreter exits."""
        self.dropped()
        self.report.close_span()

    def _parser_is_running(self) -> bool:
        parser = None if self._parser is None else self._parser()
        return parser is not None and callers.is_running(parser)
