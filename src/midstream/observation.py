"""One `instrument()`: waits for the SDK, and puts the patches in.

What observes calls is imported together with the SDK: a process that never calls it pays for this file only.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

import wrapt

from midstream import guard
from midstream.neighbours import warn_of_neighbours

if TYPE_CHECKING:
    from midstream.sdk.calls import Calls
    from midstream.sdk.targets import Patches
    from midstream.settings import Settings
    from midstream.signals import Signals

__all__ = ("Observation",)


class Observation:
    """Observes the SDK from `begin()` to `end()`, as soon as the application imports it, or at once if it has."""

    def __init__(self, signals: Signals, settings: Settings) -> None:
        self._signals = signals
        self._settings = settings
        self._wanted = True
        self._changing = Lock()
        self._calls: Calls | None = None
        self._patches: Patches | None = None

    def begin(self) -> None:
        """Does not import the SDK. Never raises."""
        wrapt.register_post_import_hook(self._imported, "anthropic")
        warn_of_neighbours(spans=self._settings.spans)

    def end(self) -> None:
        """Restores the SDK. Streams that are open now are still told when they end."""
        with self._changing:
            self._wanted = False
            if self._patches is not None:
                self._patches.remove()
            if self._calls is not None:
                self._calls.stop()

    def _imported(self, sdk: Any) -> None:
        with guard.CALLS:
            # Another thread may be in the middle of importing it: this waits until it is whole.
            import_module(sdk.__name__)
            with self._changing:
                if self._wanted:
                    self._observe(sdk)

    def _observe(self, sdk: Any) -> None:
        from midstream.sdk.calls import Calls  # noqa: PLC0415 - see the top
        from midstream.sdk.targets import Patches  # noqa: PLC0415
        from midstream.telemetry.recorder import Recorder  # noqa: PLC0415

        spans, names = self._settings.spans, self._settings.genai_metrics
        recorder = Recorder(self._signals, spans=spans, genai_metrics=names)
        guard.count_with(recorder.count_fault)
        self._calls = Calls(recorder, chunk_timings=self._settings.chunk_timings)
        # Once more when all neighbours are loaded, for some are loaded after us.
        self._calls.at_first_call = {
            hidden: partial(warn_of_neighbours, spans=spans, hidden=hidden) for hidden in (False, True)
        }
        self._patches = Patches(self._calls)
        self._patches.put_in(sdk)
