"""Every logger at DEBUG: the SDK and the HTTP client log what they log without us, and no other logger is used."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from support.lifecycle import SPANS
from support.seen import FLAVORS, run
from support.styles import STYLES

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

VARYING = r"stainless-python-retry-[-0-9a-f]+|0x[0-9a-f]+|\d+"
CALLS = ("create", "create(stream=True) in a loop", "with_streaming_response, parsed")
MODELS = ("ok", "in_band:overloaded_error", "cut", "bad_json", "http:overloaded_error")


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_midstream_adds_no_log_lines_and_changes_none(
    server: FaultServer,
    exported: Exported,
    instrumented: Any,
    caplog: pytest.LogCaptureFixture,
    flavor: str,
    spans: str,
) -> None:
    caplog.set_level(logging.DEBUG)

    def lines(provider: TracerProvider) -> list[tuple[str, str, str]]:
        caplog.clear()
        for model in MODELS:
            for style in CALLS:
                run(STYLES[style], flavor, server, parse(model), provider if spans == "sdk" else None)
        # Lines about connections show how the network split the bodies, which varies.
        records = [one for one in caplog.records if not one.name.startswith("httpcore")]
        logged = [(one.name, one.levelname, one.getMessage()) for one in records]
        # Keys, numbers and addresses differ from call to call.
        return [(name, level, re.sub(VARYING, "N", text)) for name, level, text in logged]

    bare = lines(TracerProvider(shutdown_on_exit=False))
    with instrumented():
        observed = lines(exported.tracer_provider)
    assert "anthropic._base_client" in {name for name, _, _ in bare}
    assert observed == bare
