"""The options of `midstream faults`, and the server that they describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from midstream._cli.console.problem import Problem, refuse, shown
from midstream.faults import FaultProxy, FaultServer, Plan, Rule, Rules, Served, for_any, for_key, for_model, parse
from midstream.faults._latency import NO_LATENCY
from midstream.faults._scenarios import family_of
from midstream.faults._texts import latency, mix, names, plan, sequence

_DEFAULT_PORT: Final = 8000
_MAX_ENDING_LENGTH: Final = 8

T = TypeVar("T")


@dataclass(frozen=True)
class FaultsOptions:
    """The options as they were given. `seed` is for every draw."""

    only_list: bool
    host: str
    port: int | None
    script: str | None
    mix: str | None
    for_models: tuple[tuple[str, str], ...]
    for_keys: tuple[tuple[str, str], ...]
    repeat: bool
    seed: int
    latency: str | None
    upstream: str | None
    log: str | None
    command: tuple[str, ...]

    @property
    def listen_port(self) -> int:
        """The port to listen on; 0 for any."""
        default = 0 if self.command else _DEFAULT_PORT
        return default if self.port is None else self.port

    @property
    def by_model(self) -> bool:
        """Whether the models decide what happens."""
        return not (self.upstream or self.script or self.mix or self.for_models or self.for_keys)

    @property
    def is_random(self) -> bool:
        """Whether something is drawn."""
        return "=" in "".join((self.mix or "", *self._plans_by_rule)) or ".." in (self.latency or "")

    def server(self, tell: Callable[[Served], None] | None) -> FaultServer:
        """The server, not started. Raises `Problem` for an option that is invalid."""
        rules = self._plan()
        pace = NO_LATENCY
        if self.latency is not None:
            pace = _parsed("--latency", self.latency, lambda text: latency(text, self.seed))
        if self.upstream is None:
            return FaultServer(self.host, self.listen_port, plan=rules, latency=pace, tell=tell)
        try:
            return FaultProxy(self.upstream, self.host, self.listen_port, plan=rules, latency=pace, tell=tell)
        except ValueError as error:
            message = f"--upstream: {error}"  # without the URL, which may have a password in it
            raise Problem(message) from error

    @property
    def _plans_by_rule(self) -> tuple[str, ...]:
        return tuple(text for _, text in (*self.for_keys, *self.for_models))

    def _plan(self) -> Plan | None:
        if self.script is not None and self.mix is not None:
            message = "--script and --mix: give one of them; --for-model and --for-key can have the other"
            raise Problem(message)
        rules = [*map(self._for_key, self.for_keys), *map(self._for_model, self.for_models)]
        if self.script is not None:
            rules.append(for_any(self._made("--script", self.script, self._sequence)))
        if self.mix is not None:
            rules.append(for_any(self._made("--mix", self.mix, lambda text: mix(text, self.seed))))
        if self.repeat and self.script is None and all("=" in text for text in self._plans_by_rule):
            message = "--repeat: needs a script"
            raise Problem(message)
        return Rules(tuple(rules)) if rules else None

    def _for_model(self, rule: tuple[str, str]) -> Rule:
        pattern, text = rule
        return for_model(pattern, self._made(f"--for-model {shown(pattern)}", text, self._sequence_or_mix))

    def _for_key(self, rule: tuple[str, str]) -> Rule:
        ending, text = rule
        if not 0 < len(ending) <= _MAX_ENDING_LENGTH:
            message = (
                f"--for-key: give the last 1 to {_MAX_ENDING_LENGTH} characters of the key, and not the key itself"
            )
            raise Problem(message)
        return for_key(ending, self._made("--for-key", text, self._sequence_or_mix))

    def _sequence(self, text: str) -> Plan:
        return sequence(text, repeat=self.repeat)

    def _sequence_or_mix(self, text: str) -> Plan:
        return plan(text, self.seed, repeat=self.repeat)

    def _made(self, option: str, text: str, parser: Callable[[str], Plan]) -> Plan:
        made = _parsed(option, text, parser)
        if self.upstream is not None:
            for name in names(text):
                if name != "ok" and family_of(parse(name)).answer is not None:
                    refuse(option, text, f"{name} is an answer, and with --upstream the answers are the upstream's")
        return made


def _parsed(option: str, text: str, parser: Callable[[str], T]) -> T:
    try:
        return parser(text)
    except ValueError as error:
        refuse(option, text, str(error))
