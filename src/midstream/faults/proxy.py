"""A proxy that passes requests to an upstream, and breaks a share of the answers on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from midstream.faults.breaking import Breaking
from midstream.faults.latency import AT_ONCE
from midstream.faults.relaying import relay
from midstream.faults.routes import named_in
from midstream.faults.scenarios import Proxied, family_of, parse
from midstream.faults.scripts import gateway_script
from midstream.faults.server import FaultServer
from midstream.faults.upstream import UnreachableError, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults.latency import Latency
    from midstream.faults.log import Served
    from midstream.faults.plans import Plan
    from midstream.faults.requests import Request
    from midstream.faults.scenarios import Scenario
    from midstream.faults.scripts import Script
    from midstream.faults.server import Exchange

__all__ = ("FaultProxy",)

_UNTOUCHED: Final = parse("ok")


class FaultProxy(FaultServer):
    """A `FaultServer` whose whole answers are those of the upstream at a URL.

    The plan chooses which of them to break; without one, none is. What the upstream refuses is passed through, and so
    are the client's headers, its key among them. Raises `ValueError` for a URL that is none of an upstream.
    """

    def __init__(  # noqa: PLR0913 - what a server takes, and where its upstream is
        self,
        upstream: str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        plan: Plan | None = None,
        latency: Latency = AT_ONCE,
        tell: Callable[[Served], None] | None = None,
    ) -> None:
        super().__init__(host, port, plan=plan, latency=latency, tell=tell)
        self._upstream = Upstream.at(upstream)

    async def reply(self, exchange: Exchange) -> bool:
        """Answer a request as the upstream does, or break that; say whether the connection waits for another."""
        name = named_in(exchange.request)
        scenario = self._chosen(exchange.request, name)
        exchange.entry.named(name)
        exchange.entry.note(scenario=scenario.name)
        breaking = Breaking(scenario, exchange.number, exchange.request.resends)
        if family_of(scenario).proxied is Proxied.NOT_ASKED:
            script: Script | None = breaking.without_upstream()
        else:
            try:
                script = await exchange.client.unless_left(self._passed(exchange, breaking))
            except UnreachableError as error:
                reason = f"no answer from the upstream {self._upstream.address}: {error}"
                script = gateway_script(reason, exchange.number)
        return script is not None and await exchange.play(replace(script, model=name), self._latency)

    def _chosen(self, request: Request, name: str | None) -> Scenario:
        chosen = None if self.plan is None or name is None else self.plan.choose(request, name)
        if chosen is None or (chosen.family == "retry" and request.resends + 1 >= chosen.attempts):
            return _UNTOUCHED
        return chosen

    async def _passed(self, exchange: Exchange, breaking: Breaking) -> Script | None:
        """Pass the answer of the upstream through. If it is to be broken, return what is to be played instead."""
        scenario = breaking.scenario
        breaks = family_of(scenario).proxied is not Proxied.PASSED
        async with self._upstream.ask(exchange.request, plain=breaks) as answer:
            script = await breaking.of(answer) if breaks else None
            if script is None:
                exchange.entry.note(scenario=(_UNTOUCHED if breaks else scenario).name, status=answer.status)
                pause = int(scenario.argument or 0) / 1000 if scenario.family == "slow" else 0.0
                await relay(answer, exchange.client, exchange.entry, self._latency, pause)
        return script
