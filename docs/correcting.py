"""Write the table of docs/correcting.md from calls of the SDK on the fault server, without and with corrected errors.

With --check, print the differences and exit with 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anthropic

from midstream import StreamTruncatedError, classify, corrected_errors
from midstream.faults import FaultServer
from writing import is_check, publish

PAGE: Final = Path(__file__).with_name("correcting.md")

_MARKED: Final = re.compile(r"(<!-- run: every fault -->\n).*?(<!-- end -->)", re.DOTALL)
_REQUEST_ID: Final = re.compile(r"req_\w+")

_SILENCE_SECONDS: Final = 0.3
_WIDTH: Final = 90
_SERVER_ERROR: Final = 500
_HEAD: Final = (
    "fault",
    "the SDK raises",
    "corrected: class",
    "its bases",
    "`status_code`",
    "`str()`",
    "`__cause__`",
    "the usual ladder retries",
)


def _streamed(client: anthropic.Anthropic, model: str) -> None:
    for _event in client.messages.create(**_asked(model), stream=True):
        pass


def _whole(client: anthropic.Anthropic, model: str) -> None:
    client.messages.create(**_asked(model))


def _asked(model: str) -> dict[str, Any]:
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Is all well?"}]}


@dataclass(frozen=True)
class _Fault:
    """A scenario of the fault server, and the call that meets it."""

    name: str
    scenario: str
    call: Callable[[anthropic.Anthropic, str], None] = _streamed


_FAULTS: Final = (
    _Fault("an error event: overloaded", "in_band:overloaded_error"),
    _Fault("rate limit", "in_band:rate_limit_error"),
    _Fault("the API's error", "in_band:api_error"),
    _Fault("the API's timeout", "in_band:timeout_error"),
    _Fault("conflict", "in_band:conflict_error"),
    _Fault("invalid request", "in_band:invalid_request_error"),
    _Fault("authentication", "in_band:authentication_error"),
    _Fault("an error without a type", "in_band_text"),
    _Fault("a gateway's error in an event without a name", "unnamed_error"),
    _Fault("an error document with status 200, instead of a stream", "envelope:overloaded_error"),
    _Fault("the same, instead of a document", "envelope:overloaded_error", _whole),
    _Fault("the connection is reset", "reset"),
    _Fault("it is closed", "fin"),
    _Fault("silence, until the read timeout", "stall"),
    _Fault("an event is not JSON", "bad_json"),
    _Fault("an event is not UTF-8", "bad_utf8"),
    _Fault("the gzip encoding is corrupt", "bad_gzip"),
    _Fault("a document ends inside its JSON", "cut", _whole),
    _Fault("the stream ends before its end", "cut"),
    _Fault("it lacks only `message_stop`", "cut@8"),
    _Fault("it lacks the names of its events", "unnamed"),
    _Fault("a web page instead of a stream", "html"),
    _Fault("a web page instead of a document", "html", _whole),
    _Fault("HTTP 529", "http:overloaded_error"),
    _Fault("the server closes without a response", "hangup"),
)


def page() -> str:
    """Return the page with its table made from new calls."""
    rows = [_row(fault) for fault in _FAULTS]
    table = "".join(f"| {' | '.join(row)} |\n" for row in [_HEAD, ("---",) * len(_HEAD), *rows])
    return _MARKED.sub(lambda marked: f"{marked[1]}{table}{marked[2]}", PAGE.read_text(encoding="utf-8"))


def _row(fault: _Fault) -> tuple[str, ...]:
    unchanged = _raised(fault)
    with corrected_errors():
        corrected = _raised(fault)
    first = (fault.name, _named(unchanged))
    if corrected is None or type(corrected) is type(unchanged):
        return *first, "the same", "", "", "", "", _retried(corrected)
    if corrected.__cause__ is not None and classify(corrected) != classify(corrected.__cause__):
        message = f"{fault.scenario}: classify() differs"
        raise AssertionError(message)
    return (
        *first,
        f"`{_name(type(corrected))}`",
        ", ".join(f"`{_name(base)}`" for base in _bases(corrected, unchanged)),
        str(getattr(corrected, "status_code", "")),
        f"`{_cut(str(corrected))}`",
        "what the SDK raises" if corrected.__cause__ is not None else "none",
        _retried(corrected),
    )


def _raised(fault: _Fault) -> Exception | None:
    with FaultServer() as server:
        timeout = anthropic.Timeout(_SILENCE_SECONDS) if fault.scenario == "stall" else 60.0
        with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=timeout) as client:
            try:
                fault.call(client, fault.scenario)
            except Exception as error:  # noqa: BLE001 - the page shows what the application gets
                return error
    return None


def _named(error: Exception | None) -> str:
    if error is None:
        return "nothing"
    status = getattr(error, "status_code", None)
    return f"`{_name(type(error))}`" + (f", {status}" if status else "")


def _name(kind: type) -> str:
    package = kind.__module__.partition(".")[0]
    return kind.__name__ if package in {"anthropic", "builtins"} else f"{package}.{kind.__name__}"


def _bases(corrected: Exception, unchanged: Exception | None) -> list[type]:
    """The bases that `except` clauses name: those of the SDK, ours, and the class that the SDK raises."""
    named: list[type] = [base for base in type(corrected).__mro__[1:] if issubclass(base, anthropic.APIError)]
    named += [kind for kind in (StreamTruncatedError, type(unchanged)) if isinstance(corrected, kind)]
    return [base for base in dict.fromkeys(named) if base.__name__ != type(corrected).__name__]


def _cut(text: str) -> str:
    line = _REQUEST_ID.sub("req_...", text).replace("|", "\\|")
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."


def _retried(error: Exception | None) -> str:
    """Whether code does that retries connection errors, rate limits and server errors."""
    if error is None:
        return "no"
    retried = isinstance(error, (anthropic.APIConnectionError, anthropic.RateLimitError)) or (
        isinstance(error, anthropic.APIStatusError) and error.status_code >= _SERVER_ERROR
    )
    return "yes" if retried else "no"


def main() -> int:
    """Return the exit status."""
    check = is_check(__doc__)
    return publish({PAGE: page()}, "the calls", check=check)


if __name__ == "__main__":
    sys.exit(main())
