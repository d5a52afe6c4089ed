"""The code of the runbooks catches what they say. `request` has the arguments of `messages.stream`."""

from __future__ import annotations

import logging
import re
from types import FunctionType
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from dashboards.test_rules_runbooks import TEXTS, blocks
from midstream import AnthropicInstrumentor
from midstream._guard import UNCOUNTED
from midstream.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def client() -> Iterator[anthropic.Anthropic]:
    with (
        FaultServer() as server,
        anthropic.Anthropic(
            api_key="none", base_url=server.url, max_retries=0, timeout=anthropic.Timeout(30.0)
        ) as made,
    ):
        yield made


def request(model: str) -> dict[str, Any]:
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Is all well?"}]}


WHOLE = "All is well. "


def text_of(answer: Any) -> str:
    return answer if isinstance(answer, str) else "".join(block.text for block in answer.content)


class Clock:
    """Time for the code of a runbook: while it waits, the fault goes away."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.asked["model"] = "ok"


def code(name: str, clock: Clock | None = None) -> Callable[..., Any]:
    """The function that the code of a runbook defines."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(blocks(name, "python")[0], f"{name}.md", "exec"), namespace)  # noqa: S102 - it is what is tested
    if clock is not None:
        namespace["time"] = clock
    (function,) = (made for made in namespace.values() if isinstance(made, FunctionType) and made.__module__ == name)
    return function


IN_BAND = (
    *("in_band:overloaded_error@0", "in_band:overloaded_error", "in_band:api_error@8", "in_band:timeout_error"),
    "in_band:rate_limit_error",
)
LEAKS = ("reset@0", "reset", "fin", "fin_length", "bad_chunk")
CUTS = ("cut@0", "cut", "eof", "cut@8")
DAMAGES = ("bad_json", "bad_utf8", "bad_gzip")

AGAIN = (*IN_BAND, "http:rate_limit_error", *LEAKS, *CUTS, *DAMAGES, "http_html:502", "hangup")
LOOP = "MidstreamErrorBudgetBurn"
"""The runbook whose loop the others name."""


@pytest.mark.parametrize("fault", AGAIN)
def test_the_loop_makes_the_call_again_and_has_a_whole_answer(fault: str, client: anthropic.Anthropic) -> None:
    asked = request(fault)
    clock = Clock(asked)
    assert text_of(code(LOOP, clock)(client, asked)) == WHOLE
    assert len(clock.pauses) == 1


@pytest.mark.parametrize("fault", [fault for fault in AGAIN if not fault.startswith(("http", "hangup"))])
def test_code_that_catches_what_the_sdk_documents_has_no_whole_answer(fault: str, client: anthropic.Anthropic) -> None:
    """The runbooks' code is not tested with faults that any code survives."""
    documented = (anthropic.APIConnectionError, anthropic.RateLimitError, anthropic.InternalServerError)
    seen = ""
    try:
        with client.messages.stream(**request(fault)) as stream:
            for text in stream.text_stream:
                seen += text
            ended = stream.current_message_snapshot.stop_reason is not None
    except documented:
        pytest.fail("it has been caught")
    except Exception:  # noqa: BLE001 - whatever it is, it is not what was expected
        return
    assert (seen, ended) != (WHOLE, True) or fault == "cut@8"  # which only lacks its end event


@pytest.mark.parametrize("fault", ["reset", "cut", "bad_json", "in_band:overloaded_error", "in_band:rate_limit_error"])
def test_the_loop_gives_up_when_the_fault_stays(fault: str, client: anthropic.Anthropic) -> None:
    clock = Clock({})
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each fault has its own
        code(LOOP, clock)(client, request(fault))
    assert clock.pauses == [2.0**power for power in range(1, len(clock.pauses) + 1)]
    assert 2 <= len(clock.pauses) <= 4
    assert not isinstance(raised.value, AssertionError)


@pytest.mark.parametrize("fault", ["in_band:invalid_request_error", "http:authentication_error"])
def test_the_loop_does_not_repeat_what_no_retry_helps(fault: str, client: anthropic.Anthropic) -> None:
    asked = request(fault)
    clock = Clock(asked)
    with pytest.raises(anthropic.APIStatusError):
        code(LOOP, clock)(client, asked)
    assert clock.pauses == []


@pytest.mark.parametrize("fault", ["stall", "silent"])
def test_the_code_gives_a_stalled_stream_up(fault: str, client: anthropic.Anthropic) -> None:
    asked = request(fault)
    clock = Clock(asked)
    answer = code("MidstreamStalls", clock)(client, asked, attempts=5, read=1.0)
    assert text_of(answer) == WHOLE
    assert clock.pauses


def test_the_code_goes_to_another_model_when_one_is_overloaded(client: anthropic.Anthropic) -> None:
    ask = code("MidstreamOverloaded")
    models = ["http:overloaded_error", "in_band:overloaded_error", "ok"]
    assert text_of(ask(client, request("any"), models)) == WHOLE
    with pytest.raises(anthropic.APIStatusError):
        ask(client, request("any"), models[:2])
    with pytest.raises(anthropic.BadRequestError):
        ask(client, request("any"), ["http:invalid_request_error", "ok"])


def test_the_code_goes_to_another_platform_when_one_is_down(client: anthropic.Anthropic) -> None:
    ask = code("MidstreamOutage")
    with anthropic.Anthropic(api_key="none", base_url="http://127.0.0.1:9", max_retries=0) as dead:
        assert text_of(ask([dead, client], request("ok"))) == WHOLE
        with pytest.raises(anthropic.APIConnectionError):
            ask([client, dead], request("reset"))
        with pytest.raises(anthropic.BadRequestError):
            ask([client, dead], request("http:invalid_request_error"))


@pytest.mark.parametrize("where", ["http", "in_band"])
@pytest.mark.parametrize("error_type", ["authentication_error", "billing_error", "permission_error"])
def test_the_code_says_that_access_is_denied(where: str, error_type: str, client: anthropic.Anthropic) -> None:
    with pytest.raises(PermissionError, match=error_type):
        code("MidstreamAccessDenied")(client, request(f"{where}:{error_type}"))


def test_the_code_takes_other_errors_for_what_they_are(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError):
        code("MidstreamAccessDenied")(client, request("in_band:overloaded_error"))


@pytest.mark.parametrize(
    ("fault", "reported", "passed_on"),
    [("in_band:overloaded_error", 200, 529), ("http:rate_limit_error", 429, 429), ("reset", None, 502)],
)
def test_the_code_passes_the_true_status_on(
    fault: str, reported: int | None, passed_on: int, client: anthropic.Anthropic
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each fault has its own
        read(client, fault)
    assert getattr(raised.value, "status_code", None) == reported
    assert code("MidstreamMisreportedStatus")(raised.value) == passed_on


def read(client: anthropic.Anthropic, fault: str) -> None:
    with client.messages.stream(**request(fault)) as stream:
        stream.until_done()


def test_the_code_checks_whether_the_sdk_is_observed() -> None:
    check = code("MidstreamTelemetryAbsent")
    with pytest.raises(RuntimeError, match="does not observe"):
        check()
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    try:
        check()
    finally:
        instrumentor.uninstrument()


@pytest.mark.injects_faults
def test_the_code_shows_every_fault_of_our_own(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("midstream")
    before = log.level
    try:
        code("MidstreamTelemetryErrors")()
        for guard in (UNCOUNTED.spans, UNCOUNTED.metrics):
            with guard:
                raise KeyError
    finally:
        log.setLevel(before)
    components = re.findall(r"internal error in (\w+)", caplog.text)
    assert components == ["spans", "metrics"]


def test_each_block_of_code_is_run_here() -> None:
    assert {name: len(blocks(name, "python")) for name in TEXTS if blocks(name, "python")} == dict.fromkeys(
        (
            "MidstreamAccessDenied",
            LOOP,
            "MidstreamMisreportedStatus",
            "MidstreamOutage",
            "MidstreamOverloaded",
            "MidstreamStalls",
            "MidstreamTelemetryAbsent",
            "MidstreamTelemetryErrors",
        ),
        1,
    )
