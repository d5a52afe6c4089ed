"""Corrected errors where the stream is not one of messages, or not one of the Anthropic API's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from anthropic.resources.beta.messages import Messages as BetaMessages

from midstream import classify
from midstream._outcomes import Outcome
from midstream.faults import parse
from support.clients import client
from support.other_streams import OTHER_STREAMS
from support.platform_server import PlatformServer
from support.platforms import BEDROCK, forget_the_machine
from support.platforms import client as platform_client
from support.seen import FLAVORS, run
from support.styles import arguments

if TYPE_CHECKING:
    from midstream.faults import FaultServer

DECODED = [name for name, style in OTHER_STREAMS.items() if style.streamed and not style.read_above]


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", DECODED)
@pytest.mark.parametrize("model", ["reset", "fin", "bad_utf8"])
def test_what_leaks_from_other_streams_is_an_api_connection_error(
    server: FaultServer, instrumented: Any, model: str, style: str, flavor: str
) -> None:
    with instrumented(errors="corrected") as exported:
        error = run(OTHER_STREAMS[style], flavor, server, parse(model), None).error
    assert isinstance(error, anthropic.APIConnectionError)
    assert isinstance(error, type(error.__cause__))
    assert (exported.told_span.attributes or {})["midstream.corrected"] is True


@pytest.mark.skipif(not hasattr(BetaMessages, "tool_runner"), reason="this SDK has no tool runner")
@pytest.mark.parametrize(("model", "kind"), [("in_band:overloaded_error", 529), ("reset", None), ("cut", None)])
def test_a_tool_runner_raises_corrected_errors(
    server: FaultServer, instrumented: Any, model: str, kind: int | None
) -> None:
    with instrumented(errors="corrected"), client(server, parse(model)) as made:
        with pytest.raises(anthropic.APIError) as raised:
            for stream in made.beta.messages.tool_runner(**arguments(model), tools=[], stream=True):
                list(stream)
    assert getattr(raised.value, "status_code", None) == kind


@pytest.mark.parametrize(
    ("model", "status", "outcome"),
    [
        ("exception_frame:throttlingException", 429, Outcome.IN_BAND_ERROR),
        ("reset", None, Outcome.TRANSPORT_ERROR),
        ("cut", None, Outcome.TRUNCATED),
    ],
)
def test_a_bedrock_stream_raises_corrected_errors(
    instrumented: Any, monkeypatch: pytest.MonkeyPatch, model: str, status: int | None, outcome: Outcome
) -> None:
    pytest.importorskip("botocore")
    forget_the_machine(monkeypatch)
    with PlatformServer() as platforms, instrumented(errors="corrected"):
        with platform_client(BEDROCK, platforms) as made, pytest.raises(anthropic.APIError) as raised:
            list(made.messages.create(**arguments(model), stream=True))
    assert (getattr(raised.value, "status_code", None), classify(raised.value).outcome) == (status, outcome)
