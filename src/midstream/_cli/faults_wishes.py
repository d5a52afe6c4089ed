"""What `midstream faults` is asked for, and the server that does it."""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Final, TypeVar

from midstream._cli.problem import Problem, shown
from midstream.faults import FaultProxy, FaultServer, Rules, for_any, for_key, for_model, parse
from midstream.faults._latency import NO_LATENCY
from midstream.faults._scenarios import family_of
from midstream.faults._texts import latency, mix, names, plan, sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults import Latency, Plan, Rule, Served


_SEEDS: Final = 1_000_000
_MAX_ENDING_LENGTH: Final = 8

T = TypeVar("T")


@dataclass(frozen=True)
class Wishes:
    """What was asked for. `seed` is what draws are made with."""

    host: str
    port: int
    upstream: str | None
    script: str | None
    mix: str | None
    for_models: tuple[tuple[str, str], ...]
    for_keys: tuple[tuple[str, str], ...]
    latency: str | None
    repeat: bool
    seed: int

    @staticmethod
    def any_seed() -> int:
        """A seed for those who want none in particular."""
        return SystemRandom().randrange(_SEEDS)

    @property
    def plans(self) -> bool:
        """Whether it is not the models that say what happens."""
        return bool(self.upstream or self.script or self.mix or self.for_models or self.for_keys)

    @property
    def draws(self) -> bool:
        """Whether chance has a part in it."""
        texts = (self.mix, *(text for _, text in (*self.for_models, *self.for_keys)))
        return any("=" in text for text in texts if text) or ".." in (self.latency or "")

    def server(self, tell: Callable[[Served], None] | None) -> FaultServer:
        """The server, not started. Raises `Problem` for a wish that cannot be fulfilled."""
        plan = self._plan()
        pace = NO_LATENCY if self.latency is None else self._latency(self.latency)
        if self.upstream is None:
            return FaultServer(self.host, self.port, plan=plan, latency=pace, tell=tell)
        try:
            return FaultProxy(self.upstream, self.host, self.port, plan=plan, latency=pace, tell=tell)
        except ValueError as error:
            message = f"--upstream: {error}"  # the URL may have a password in it
            raise Problem(message) from error

    def _plan(self) -> Plan | None:
        if self.script is not None and self.mix is not None:
            message = "--script and --mix: give one of them; --for-model and --for-key can have the other"
            raise Problem(message)
        rules = [
            *(self._for_key(ending, text) for ending, text in self.for_keys),
            *(self._for_model(pattern, text) for pattern, text in self.for_models),
        ]
        if self.script is not None:
            script = self.script
            rules.append(for_any(self._made("--script", script, lambda: sequence(script, repeat=self.repeat))))
        if self.mix is not None:
            shares = self.mix
            rules.append(for_any(self._made("--mix", shares, lambda: mix(shares, self.seed))))
        if self.repeat and self.script is None and all("=" in text for _, text in (*self.for_models, *self.for_keys)):
            message = "--repeat: is for scripts only, and there is none"
            raise Problem(message)
        return Rules(tuple(rules)) if rules else None

    def _for_model(self, pattern: str, text: str) -> Rule:
        return for_model(pattern, self._any_plan(f"--for-model {shown(pattern)}", text))

    def _for_key(self, ending: str, text: str) -> Rule:
        if not 0 < len(ending) <= _MAX_ENDING_LENGTH:
            message = (
                f"--for-key: give the last 1 to {_MAX_ENDING_LENGTH} characters of the key, and not the key itself"
            )
            raise Problem(message)
        return for_key(ending, self._any_plan("--for-key", text))

    def _any_plan(self, option: str, text: str) -> Plan:
        return self._made(option, text, lambda: plan(text, self.seed, repeat=self.repeat))

    def _made(self, option: str, text: str, make: Callable[[], T]) -> T:
        try:
            made = make()
        except ValueError as error:
            message = f"{option} {shown(text)}: {error}"
            raise Problem(message) from error
        if self.upstream is not None:
            for name in names(text):
                _check_with_upstream(option, text, name)
        return made

    def _latency(self, text: str) -> Latency:
        try:
            return latency(text, self.seed)
        except ValueError as error:
            message = f"--latency {shown(text)}: {error}"
            raise Problem(message) from error


def _check_with_upstream(option: str, text: str, name: str) -> None:
    if name != "ok" and family_of(parse(name)).answer is not None:
        message = f"{option} {shown(text)}: {name} is an answer, and with --upstream the answers are the upstream's"
        raise Problem(message)
