"""One `instrument()`: waits for the SDK, and patches it.

The code that observes calls is imported together with the SDK: a process without it pays for this module only.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import wrapt

from midstream._guard import UNCOUNTED
from midstream._neighbours import warn_of_neighbours
from midstream._options import Settings
from midstream._telemetry.signals import Signals
from midstream._telemetry.stderr_lines import write_start

if TYPE_CHECKING:
    from midstream._sdk.patches import Patches


_SDK: Final = "anthropic"


class Observation:
    """Observes the SDK from `begin()` to `end()`, as soon as the application has imported it."""

    def __init__(self, signals: Signals, settings: Settings) -> None:
        self._signals = signals
        self._settings = settings
        self._wanted = True
        self._changing = Lock()
        self._patches: Patches | None = None

    def begin(self) -> None:
        """Does not import the SDK. Never raises."""
        if self._settings.log:
            write_start(self._signals.provided(spans=self._settings.spans))
        _import.awaited_by.append(self)
        _import.hook()
        warn_of_neighbours(spans=self._settings.spans)

    def end(self) -> None:
        """Restores the SDK. Streams that are open now are still recorded when they end."""
        with suppress(ValueError):
            _import.awaited_by.remove(self)
        with self._changing:
            self._wanted = False
            if self._patches is not None:
                self._patches.remove()

    def observe(self, sdk: Any) -> None:
        """The application is importing `sdk`, or has imported it. Never raises."""
        with UNCOUNTED.calls:
            # Another thread may be in the middle of importing it: this waits for the end.
            import_module(sdk.__name__)
            with self._changing:
                if self._wanted:
                    self._observe(sdk)

    def _observe(self, sdk: Any) -> None:
        from midstream._sdk.corrections import RequestedCorrections  # noqa: PLC0415 - see the top
        from midstream._sdk.entry import RequestObserver  # noqa: PLC0415 - see the top
        from midstream._sdk.patches import Patches, find_targets  # noqa: PLC0415
        from midstream._sdk.reporting import Reporter  # noqa: PLC0415
        from midstream._telemetry.recorder import Recorder  # noqa: PLC0415
        from midstream._telemetry.scope import GenAIMetrics  # noqa: PLC0415

        spans = self._settings.spans
        # By value: these modules may have been imported a second time since the settings were made.
        names = GenAIMetrics(self._settings.genai_metrics.value)
        recorder = Recorder(self._signals, spans=spans, genai_metrics=names, log_lines=self._settings.log)
        with recorder.guards.calls:
            found = find_targets(sdk)
            if found is None:
                return
            observer = RequestObserver(
                Reporter(recorder, spans_observed=found.spans),
                chunk_timings=self._settings.chunk_timings,
                streams_observed=found.streams,
                # Again, because some neighbours are loaded after midstream.
                before_first_call=partial(warn_of_neighbours, spans=spans),
                corrections=RequestedCorrections(sdk, everywhere=self._settings.errors.value == "corrected").here,
            )
            self._patches = Patches(observer)
            self._patches.put_in(found)


class FallbackObservation:
    """An observation that reports to no provider, for the pytest fixtures and for corrected errors.

    It gives way to an application's, and resumes afterwards. Not thread-safe.
    """

    def __init__(self) -> None:
        self._wanted = False
        self.is_permanent = False
        """Whether it stays wanted."""
        self._observation: Observation | None = None

    def update(self, *, app_instruments: bool, wanted: bool | None = None) -> None:
        """Starts or ends the observation as needed.

        To be called before an application starts to observe, after it has ended, and when `wanted` changes.
        """
        if wanted is not None:
            self._wanted = wanted
        needed = (self._wanted or self.is_permanent) and not app_instruments
        if needed and self._observation is None:
            self._observation = Observation(Signals.silent(), Settings(spans=False))
            self._observation.begin()
        elif self._observation is not None and not needed:
            self._observation.end()
            self._observation = None


class _Import:
    """The import of the SDK, and the observations that wait for it."""

    def __init__(self) -> None:
        self.awaited_by: list[Observation] = []
        self._hooked = False

    def hook(self) -> None:
        """Registers `_imported` for the import of the SDK, or calls it now if it is imported.

        wrapt keeps a hook until that import and cannot remove it. So all observations share one, which holds none that
        has ended.
        """
        if not self._hooked or _SDK in sys.modules:
            self._hooked = True
            wrapt.register_post_import_hook(self._imported, _SDK)

    def _imported(self, sdk: Any) -> None:
        self._hooked = False
        # In the order in which they began: of two that observe, the last one stays.
        with suppress(IndexError):  # another thread may take some of them
            while True:
                self.awaited_by.pop(0).observe(sdk)


_import: Final = _Import()
