"""No prompt, completion or key in anything that is exported or logged, under every scenario."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream import classify
from midstream.faults import EXAMPLES, parse
from support.clients import API_KEY, HAS_OWN_SPANS, async_client, client
from support.styles import CANARY, STYLES, see, see_async

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

COMPLETIONS = ("All is well", "is well")
"""What the fault server answers."""


@pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
def test_planted_secrets_appear_in_nothing(
    server: FaultServer, exported: Exported, instrumented: Any, caplog: pytest.LogCaptureFixture, spans: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="midstream")
    provider = exported.tracer_provider if spans == "sdk" else None
    lines: list[str] = []

    async def run(model: str) -> None:
        async with async_client(server, parse(model), provider) as made:
            for style in ("create", "stream() events"):
                await see_async(STYLES[style], made, model)

    with instrumented():
        for model in EXAMPLES:
            with client(server, parse(model), provider) as made:
                seen = [see(STYLES[style], made, model) for style in ("create", "stream() get_final_text")]
            lines += [str(classify(one.error)) for one in seen if one.error]
            anyio.run(run, model)
    text = "\n".join([exported.everything(), *lines, *(record.getMessage() for record in caplog.records)])
    assert len(exported.logs) > len(EXAMPLES)
    assert [secret for secret in (CANARY, API_KEY, *COMPLETIONS) if secret in text] == []
