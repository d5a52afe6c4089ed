"""`instrument()` and `uninstrument()` in turns, while calls are made, and what is certain about each call."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from midstream import AnthropicInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from support.exported import Exported

__all__ = ("Churn",)

_PAUSE_SECONDS = 0.0005
_CALLS_PER_TURN = 4


@dataclass
class Churn:
    """Switches until it is done, and notes the calls that are made through it."""

    exported: Exported
    done: threading.Event = field(default_factory=threading.Event)
    saw: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])
    """By number of a call, what the application saw: how many events, and the class of the exception."""
    certain: dict[int, str] = field(default_factory=dict[int, str])
    """By number of a call, whether it began `"observed"` or `"unobserved"`, where nothing was switched meanwhile."""
    _turns: int = 0
    _state: tuple[int, str] = (0, "unobserved")
    """The turn, and what is in force. It changes in one step, so between two equal ones there was no other."""
    _begun: int = 0

    def run(self) -> None:
        """Switches over and over, each time for as long as some calls begin."""
        while not self.done.is_set():
            self._turn(lambda: AnthropicInstrumentor().instrument(**self.exported.providers), "observed")
            self._turn(AnthropicInstrumentor().uninstrument, "unobserved")

    def call(self, made: Any, asked: Mapping[str, Any]) -> None:
        """Makes a call with a sync client, and reads it to its end."""
        number, before = asked["max_tokens"], self._state
        events, end = 0, ""
        try:
            stream = made.messages.create(**asked, stream=True)
            self._began(number, before)
            for _ in stream:
                events += 1
        except Exception as error:  # noqa: BLE001 - whatever the application sees
            end = type(error).__name__
        self._ended(number, before, events, end)

    async def call_async(self, made: Any, asked: Mapping[str, Any]) -> None:
        """The same with an async client."""
        number, before = asked["max_tokens"], self._state
        events, end = 0, ""
        try:
            stream = await made.messages.create(**asked, stream=True)
            self._began(number, before)
            async for _ in stream:
                events += 1
        except Exception as error:  # noqa: BLE001 - whatever the application sees
            end = type(error).__name__
        self._ended(number, before, events, end)

    def _turn(self, switch: Callable[[], object], then: str) -> None:
        self._turns += 1
        self._state = (self._turns, "switching")
        switch()
        self._state = (self._turns, then)
        enough = self._begun + _CALLS_PER_TURN
        while self._begun < enough and not self.done.wait(_PAUSE_SECONDS):
            pass

    def _began(self, number: int, before: tuple[int, str]) -> None:
        self._begun += 1
        if self._state == before and before[1] != "switching":
            self.certain[number] = before[1]

    def _ended(self, number: int, before: tuple[int, str], events: int, end: str) -> None:
        self.saw[number] = events, end
        if end and not events:
            self._began(number, before)  # `create()` raised
