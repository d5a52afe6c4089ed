"""What atheris makes of bytes: values, events, exceptions; and the start of a fuzzing run."""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from support.ends import every_exception
from support.hostile import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("Source", "fuzz")

_WORDS: Final = (
    *("type", "error", "message", "request_id", "delta", "usage", "stop_reason", "id", "model", "input_tokens"),
    *("output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "overloaded_error", "body"),
    *("message_start", "message_delta", "message_stop", "content_block_delta", "completion", "throttlingException"),
    *("max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "output_config", "format", "json_schema"),
    *("response", "headers", "status_code", "retry-after", "retry-after-ms", "x-should-retry", "true", "1.5"),
    *("__cause__", "__context__", "__traceback__", "__class__", "__str__", "__module__", "__notes__", "args"),
)
_MAX_DEPTH: Final = 6


class Source:
    """Values made of the bytes of one input."""

    def __init__(self, data: bytes) -> None:
        self._take: Any = importlib.import_module("atheris").FuzzedDataProvider(data)
        self._exceptions = _EXCEPTIONS

    def choice(self, values: Any) -> Any:
        """One of these values."""
        return values[self._take.ConsumeIntInRange(0, len(values) - 1)]

    def number(self, most: int) -> int:
        """A number from 0 to `most`."""
        count: int = self._take.ConsumeIntInRange(0, most)
        return count

    def rest(self) -> bytes:
        """All bytes that are left."""
        left: bytes = self._take.ConsumeBytes(self._take.remaining_bytes())
        return left

    def text(self) -> str:
        """A word that means something, or any text."""
        words: tuple[Callable[[], str], ...] = (
            lambda: self.choice(_WORDS),
            lambda: self._take.ConsumeUnicode(40),
            lambda: self._take.ConsumeUnicode(3) * 2_000,
        )
        made: str = self.choice(words)()
        return made

    def value(self, depth: int = 0) -> Any:
        """Any value, most of them such as JSON has."""
        leaves: tuple[Callable[[], Any], ...] = (
            self.text,
            lambda: self._take.ConsumeInt(12),
            self._take.ConsumeFloat,
            self._take.ConsumeBool,
            lambda: None,
            lambda: self._take.ConsumeBytes(20),
            self.choice(MAKERS),
            self.exception,
        )
        if depth == _MAX_DEPTH:
            return self.choice(leaves)()
        nested: tuple[Callable[[], Any], ...] = (
            lambda: {self.text(): self.value(depth + 1) for _ in range(self.number(4))},
            lambda: [self.value(depth + 1) for _ in range(self.number(4))],
        )
        return self.choice((*nested, *nested, *leaves))()

    def exception(self) -> BaseException:
        """An exception of any kind, with any attributes, and a cause that may be itself."""
        error: BaseException = self.choice(self._exceptions)
        base = type(error)
        members: dict[str, Any] = {self.text(): self.value(_MAX_DEPTH - 1) for _ in range(self.number(4))}
        try:
            odd: Any = type(base.__name__, (base,), {**members, "__module__": base.__module__})
            made: BaseException = odd.__new__(odd, self.text())
            made.__cause__ = self.choice((made, error, None))
        except Exception:  # noqa: BLE001 - Python does not have every class that can be thought of
            return error
        return made


def fuzz(one_input: Callable[[bytes], None]) -> None:
    """Calls `one_input` with bytes for ever, or as long as the arguments of the command say."""
    atheris: Any = importlib.import_module("atheris")
    for function in _functions():
        atheris.instrument_func(function)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


def _functions() -> Iterator[Any]:
    """The functions and methods of midstream that are loaded: coverage of these guides the fuzzing."""
    for name in [name for name in sys.modules if name.startswith("midstream.")]:
        members = list(vars(sys.modules[name]).values())
        classes = [one for one in members if inspect.isclass(one) and one.__module__ == name]
        for one in (*members, *(value for kind in classes for value in vars(kind).values())):
            if inspect.isfunction(one) and one.__module__ == name:
                yield one


_EXCEPTIONS: Final = every_exception()
