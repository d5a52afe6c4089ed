"""A fault family: one row of `FAMILIES` has all there is to know of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from midstream.faults import _scripts as scripts
from midstream.faults._answers import DEFAULT_DELTAS, DEFAULT_EVENTS, CannedAnswer
from midstream.faults._ends import Ends
from midstream.faults._scenario import Operation
from midstream.faults._script import Kind

_MAX_QUOTE_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Argument:
    """What may follow a family's colon.

    `placeholder` names it in a spelling, `default` is used where it is omitted. `allowed` is None for any text.
    """

    placeholder: str
    default: str
    allowed: range | None = None

    def check(self, text: str) -> str:
        """Return `text`, a number without its leading zeros; raise `ValueError` if it is not allowed."""
        if self.allowed is None:
            if text:
                return text
            message = f"{self.placeholder} must not be empty"
            raise ValueError(message)
        if re.fullmatch("[0-9]{1,9}", text) and int(text) in self.allowed:
            return str(int(text))
        allowed = f"a number from {self.allowed[0]} to {self.allowed[-1]}"
        message = f"{self.placeholder} must be {allowed}, not {quoted(text)}"
        raise ValueError(message)


K: Final = Argument("K", "4", range(DEFAULT_EVENTS))
DELTAS: Final = Argument("N", str(DEFAULT_DELTAS), range(1, 100_001))
"""The number of content deltas in the answer."""
ATTEMPTS: Final = Argument("N", "3", range(1, 101))
"""The attempt that is answered whole."""
MILLISECONDS: Final = Argument("MS", "100", range(60_001))
TYPE: Final = Argument("TYPE", "overloaded_error")
STATUS: Final = Argument("STATUS", "502", range(400, 600))


class Proxied(Enum):
    """What a proxy does with an upstream's answer."""

    PASSED = "passed on as it is"
    BROKEN = "broken, whatever its body is"
    BROKEN_TEXT = "broken if it is events or JSON, and otherwise passed on"
    NOT_ASKED = "the upstream is not asked"


@dataclass(frozen=True, slots=True)
class Family:
    """A way in which a call can go, as `FAMILIES` lists it.

    `template` is its explanation with the fields `{argument}` and `{k}`. `argument` is None if it takes none.
    `placed` says whether it takes `@K`.
    """

    name: str
    template: str
    ends: Ends
    """How a streamed message ends."""
    argument: Argument | None = None
    placed: bool = False
    script: scripts.ScriptMaker = scripts.whole
    """What the server does. By default it answers whole."""
    instead: Mapping[Kind, scripts.ScriptMaker] = field(default_factory=dict[Kind, scripts.ScriptMaker], hash=False)
    """What it does instead, by kind of body."""
    unstreamed: Ends | None = None
    """How a call ends whose body the SDK reads as a whole. None: as a stream does."""
    otherwise: Mapping[Operation, Ends] = field(default_factory=dict[Operation, Ends], hash=False)
    """How a call ends instead, by operation, however its body is read."""
    answer: Callable[[str], CannedAnswer] | None = None
    """From the argument, the message that is the answer. None: the default answer."""
    proxied: Proxied = Proxied.BROKEN_TEXT
    examples: tuple[str, ...] = ()
    """Model names that show it. Empty: the family's name alone."""

    def script_for(self, kind: Kind) -> scripts.ScriptMaker:
        """Return what the server does if the answer is of this kind."""
        return self.instead.get(kind, self.script)

    @property
    def spelling(self) -> str:
        """The form of its model names: `in_band:TYPE@K`."""
        argument = f":{self.argument.placeholder}" if self.argument else ""
        return f"{self.name}{argument}{'@K' if self.placed else ''}"

    @property
    def explanation(self) -> str:
        """What happens, in one line, in terms of the spelling's placeholders."""
        return self.explain(self.argument.placeholder if self.argument else "", "K")

    def explain(self, argument: str, k: int | str) -> str:
        """Return what happens, in one line, for this argument and this K."""
        return self.template.format(argument=argument, k=k)


def quoted(text: str) -> str:
    """Return `text` in quotes, as far as a message should repeat it."""
    return repr(text if len(text) <= _MAX_QUOTE_LENGTH else f"{text[:_MAX_QUOTE_LENGTH]}...")
