"""Whole calls, by the real SDK and with OpenTelemetry's, over a transport that answers at once.

Nothing waits and nothing leaves the process, so that the same work is done every time.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import anthropic
from clients import SDK_TRACES
from flavors import asked
from providers import providers
from server import SHORTEST, answer
from subjects import MIDSTREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ("KINDS", "Kind")

_http: Final[Any] = import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])

_WARM: Final = 15
"""Calls before those that are counted: by then the interpreter has adapted to them, and what is done once is done."""


@dataclass(frozen=True)
class Kind:
    """A kind of call: what the server answers, whether that is streamed, and whether the SDK makes a span."""

    prompt: str
    stream: bool
    traced: bool

    def calling(self, *, observed: bool) -> Callable[[int], None]:
        """What calls so many times, and reads what comes. An observed one stays so for the rest of the process."""
        given = providers()
        traced: dict[str, Any] = {
            "open_telemetry": {"tracer_provider": given.tracer_provider} if self.traced else False
        }
        client = anthropic.Anthropic(
            api_key="none",
            base_url="http://127.0.0.1",
            max_retries=0,
            http_client=_http.Client(transport=_http.MockTransport(self._answer)),
            **(traced if SDK_TRACES else {}),
        )
        if observed:
            MIDSTREAM.start(given)

        def call(times: int) -> None:
            for _ in range(times):
                try:
                    told: Any = client.messages.create(**asked(self.prompt), stream=self.stream)
                    if self.stream:
                        for _ in told:
                            pass
                except anthropic.APIStatusError:
                    pass

        call(_WARM)
        gc.disable()
        return call

    def _answer(self, _request: Any) -> Any:
        head, _, body = answer(self.prompt).partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        return _http.Response(
            int(status.split()[1]), headers=[tuple(one.split(b": ", 1)) for one in headers], content=iter([body])
        )


_ANSWERS: Final = {
    "stream": (f"together {SHORTEST}", True),
    "stream failing after 4 events": ("failing 4", True),
    "call": ("whole", False),
    "call refused": ("refused 529", False),
}

KINDS: Final[Mapping[str, Kind]] = {
    name + ", on the SDK's span" * traced: Kind(prompt, stream, traced)
    for traced in ((False, True) if SDK_TRACES else (False,))
    for name, (prompt, stream) in _ANSWERS.items()
}
"""By name."""
