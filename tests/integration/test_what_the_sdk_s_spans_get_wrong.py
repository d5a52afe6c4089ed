"""What the SDK's own spans say of a failure by themselves, and what the same span says with midstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from opentelemetry.trace import StatusCode

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client
from support.exported import Exported
from support.other_streams import OTHER_STREAMS
from support.readers import READERS
from support.styles import STYLES, arguments, see

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from midstream.faults import FaultServer

pytestmark = pytest.mark.skipif(not HAS_OWN_SPANS, reason="this SDK makes no spans (below 1.14)")

Told = tuple[StatusCode, "str | None"]
"""The status of a span and its `error.type`."""

UNSET, OK, ERROR = StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR
LOOP = STYLES["create(stream=True) in a loop"]
LINES = READERS["iter_lines"]
RESULTS = OTHER_STREAMS["batches.results"]


@dataclass(frozen=True)
class Wrong:
    """A call, and its record without and with midstream."""

    style: Any
    model: str
    bare: Told
    told: Told


WRONG = {
    "a corrupt content encoding": Wrong(LOOP, "bad_gzip", (UNSET, None), (ERROR, f"{HTTP_PACKAGE}.DecodingError")),
    "batch results that are no JSON": Wrong(
        RESULTS, "bad_json", (UNSET, None), (ERROR, "json.decoder.JSONDecodeError")
    ),
    "batch results that are no UTF-8": Wrong(RESULTS, "bad_utf8", (UNSET, None), (ERROR, "UnicodeDecodeError")),
    "an error event read as lines": Wrong(LINES, "in_band:overloaded_error", (OK, None), (ERROR, "overloaded_error")),
    "a cut stream read as lines": Wrong(LINES, "cut", (OK, None), (ERROR, "stream_truncated")),
    "a cut stream": Wrong(LOOP, "cut", (ERROR, "api_error"), (ERROR, "stream_truncated")),
    "a proxy's text as an error event": Wrong(LOOP, "in_band_text", (ERROR, "client_error"), (ERROR, "_OTHER")),
    "a reset connection": Wrong(LOOP, "reset", (ERROR, "connection_error"), (ERROR, f"{HTTP_PACKAGE}.ReadError")),
    "a closed connection": Wrong(
        LOOP, "fin", (ERROR, "connection_error"), (ERROR, f"{HTTP_PACKAGE}.RemoteProtocolError")
    ),
    "an event that is not JSON": Wrong(
        LOOP, "bad_json", (ERROR, "client_error"), (ERROR, "json.decoder.JSONDecodeError")
    ),
}


def span_of(exported: Exported, name: str) -> ReadableSpan:
    (span,) = [span for span in exported.spans if span.name == name]
    return span


def told(span: ReadableSpan) -> Told:
    error_type = (span.attributes or {}).get("error.type")
    return span.status.status_code, None if error_type is None else str(error_type)


def call(server: FaultServer, exported: Exported, wrong: Wrong) -> Told:
    with client(server, parse(wrong.model), exported.tracer_provider) as made:
        seen = see(wrong.style, made, wrong.model)
    if seen.error is not None:
        # Its frames keep the stream alive, and so the span of a stream that is not closed.
        seen.error.__traceback__ = None
    return told(span_of(exported, wrong.style.span_name))


@pytest.mark.parametrize("name", WRONG)
def test_the_span_of_the_sdk_is_right(server: FaultServer, exported: Exported, instrumented: Any, name: str) -> None:
    alone = Exported()
    assert call(server, alone, WRONG[name]) == WRONG[name].bare
    with instrumented():
        assert call(server, exported, WRONG[name]) == WRONG[name].told
    bare, span = (span_of(each, WRONG[name].style.span_name) for each in (alone, exported))
    assert (span.name, span.kind, span.parent) == (bare.name, bare.kind, bare.parent)
    alone.shutdown()


def closed_at_the_end(made: Any) -> None:
    with made.messages.create(**arguments("ok"), stream=True) as stream:
        for event in stream:
            if event.type == "message_stop":
                break


def closed_midway(made: Any) -> None:
    with made.messages.create(**arguments("ok:200"), stream=True) as stream:
        next(stream)


ALIKE: dict[str, Callable[[Any], None]] = {"completed": closed_at_the_end, "abandoned": closed_midway}


@pytest.mark.parametrize("outcome", ALIKE)
def test_what_is_unset_alike_on_the_sdk_s_span_has_an_outcome(
    server: FaultServer, exported: Exported, instrumented: Any, outcome: str
) -> None:
    with instrumented(), client(server, parse("ok"), exported.tracer_provider) as made:
        ALIKE[outcome](made)
    assert (exported.span.status.status_code, (exported.span.attributes or {})["midstream.outcome"]) == (UNSET, outcome)


def test_a_cancelled_stream_is_unset_too_and_has_an_outcome_of_its_own(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    async def run() -> None:
        async with async_client(server, parse("stall"), exported.tracer_provider) as made:
            stream = await made.messages.create(**arguments("stall@1"), stream=True)
            await stream.__anext__()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await stream.__anext__()

    with instrumented():
        anyio.run(run)
    assert (exported.span.status.status_code, (exported.span.attributes or {})["midstream.outcome"]) == (
        UNSET,
        "cancelled",
    )


def test_a_call_for_which_the_sdk_has_no_span_has_one_of_ours(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("cut"), exported.tracer_provider) as made:
        see(OTHER_STREAMS["client.post(stream=True)"], made, "cut")
    assert (exported.span.name, *told(exported.span)) == ("chat cut", ERROR, "stream_truncated")
