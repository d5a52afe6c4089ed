"""Secrets planted in everything that goes through a call, and the scan that finds them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from midstream.faults import FaultServer
from midstream.faults._routes import script_for
from midstream.faults._script import refusal_script
from support.exported import resource_of
from support.styles import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream.faults._http_request import HttpRequest
    from midstream.faults._script import Script
    from support.exported import Exported

__all__ = ("LEAKING_ERROR", "SAID", "SECRET", "SecretServer", "arguments", "everything", "found", "guarded")

SECRET = "Q7z"  # noqa: S105 - no password: the mark of one
"""Part of everything that must appear nowhere."""

SAID = "Q8z"
"""Part of what the API says in its error messages, which are recorded as such, and nowhere else."""

LEAKING_ERROR = "http:invalid_request_error"
"""The scenario whose message is longer than what is recorded of one. Its end is secret."""

_OF_AN_ANSWER = (
    (b"well", b"wQ7z"),
    (b"Paris", b"PaQ7z"),
    (b"think.", b"thQ7z."),
    (b"c2lnbmVk", b"c2lnbQ7z"),
    (b"get_weather", b"get_weatQ7z"),
    (b"uptime", b"uptQ7z"),
    (b"up 1 day", b"up 1 Q7z"),
    (b"request-", b"reqQ7z--"),
    (b"upstream", b"upstQ8zm"),
    (b"<title>", b"<tQ7ze>"),
    (b"chunk begins", b"chunQ7zegins"),
    (b"Overloaded", b"OverloaQ8z"),
)
"""What the fault server sends, and its replacement of the same length, so that the framing stays right."""

_HEADERS = (
    b"\r\nx-secret: Q7z-header\r\nset-cookie: session=Q7z-cookie\r\nanthropic-organization-id: organization\r\n\r\n"
)


class SecretServer(FaultServer):
    """A `FaultServer` whose answers have secrets in their content and in their headers."""

    def answer(self, request: HttpRequest, number: int) -> Script:
        """The script for request `number`."""
        if f'"{LEAKING_ERROR}"'.encode() in request.body:
            return refusal_script("invalid_request_error", f"{SAID}: {'x ' * 512} {SECRET}", number)
        script = script_for(request, number)
        return replace(
            script,
            head=script.head.removesuffix(b"\r\n\r\n") + _HEADERS if script.head else b"",
            frames=tuple(map(_planted, script.frames)),
            fault=None if script.fault is None else _planted(script.fault),
        )


def _planted(frame: bytes) -> bytes:
    for said, secret in _OF_AN_ANSWER:
        frame = frame.replace(said, secret)
    return frame


def arguments(model: str) -> dict[str, Any]:
    """A request with a secret in everything that the application supplies."""
    image = base64.b64encode(b"an image").decode() + SECRET + "="
    asked = [
        {"type": "text", "text": f"{CANARY} {SECRET}-prompt"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}},
        {
            "type": "document",
            "title": f"{SECRET}-file.txt",
            "source": {"type": "text", "media_type": "text/plain", "data": f"{SECRET}-content of a file"},
        },
    ]
    used = [{"type": "tool_use", "id": f"toolu_{SECRET}", "name": f"{SECRET}_tool", "input": {"of": SECRET}}]
    result = [{"type": "tool_result", "tool_use_id": f"toolu_{SECRET}", "content": f"{SECRET}-result"}]
    return {
        "model": model,
        "max_tokens": 64,
        "system": f"{SECRET}-system",
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": used},
            {"role": "user", "content": result},
        ],
        "tools": [{"name": f"{SECRET}_tool", "description": f"{SECRET}-tool", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": f"{SECRET}_tool"},
        "metadata": {"user_id": f"{SECRET}-user"},
        "extra_headers": {"x-of-the-call": f"{SECRET}-header"},
        "extra_query": {"of-the-call": f"{SECRET}-query"},
        "extra_body": {"of_the_call": f"{SECRET}-body"},
    }


def guarded(client: Any, url: str) -> Any:
    """`client` with every kind of credential that a client takes, for the server at `url`."""
    return client.copy(
        api_key=f"sk-ant-{SECRET}-key",
        base_url=url.replace("://", f"://{SECRET}-user:{SECRET}-password@"),
        default_headers={"x-of-the-client": f"{SECRET}-header", "authorization": f"Bearer {SECRET}-token"},
        default_query={"of-the-client": f"{SECRET}-query"},
    )


def everything(exported: Exported, *more: Iterable[str]) -> str:
    """All that was exported, with every field that an exporter can send, and `more`, as one text to search in."""
    data = exported.metrics_in_memory.get_metrics_data()
    metrics = "" if data is None else data.to_json()
    logs = (f"{vars(log.log_record)!r}{resource_of(log).to_json()}" for log in exported.logs)
    spans = (f"{span.to_json()}{span.resource.to_json()}" for span in exported.spans)
    return "\n".join([metrics, *logs, *spans, *(line for lines in more for line in lines)])


def found(text: str, secret: str = SECRET) -> list[str]:
    """The parts of `text` that have a secret, with a little context."""
    return re.findall(rf".{{0,60}}(?:{secret}|{CANARY}).{{0,20}}", text)
