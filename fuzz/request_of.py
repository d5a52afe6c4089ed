"""Whatever the application asks for: what is kept of it is exact, and every exporter can encode it."""

from __future__ import annotations

import math
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, Final

from midstream._sdk.request_attributes import options_of, request_of
from midstream._telemetry.operation import Operation
from support.fuzzed import Source, fuzz

_EXACT: Final = (str, int, float, bool, tuple, Operation, type(None))


def one_input(data: bytes) -> None:
    """Reads one request."""
    source = Source(data)
    body: Any = {source.text(): source.value() for _ in range(source.number(8))}
    asked = SimpleNamespace(
        json_data=body if source.number(3) else source.value(), extra_json=source.choice(({}, None, body))
    )
    client = SimpleNamespace(base_url=SimpleNamespace(host=source.text(), port=source.value(), scheme=source.text()))
    options = options_of(("cast_to", asked), {})
    request = request_of(client, Operation.CHAT, options, stream=bool(source.number(1)))
    for value in (getattr(request, field.name) for field in fields(request) if field.repr):
        if type(value) not in _EXACT or (type(value) is float and not math.isfinite(value)):
            raise AssertionError(repr(request))
        if type(value) is str:
            value.encode()


if __name__ == "__main__":
    fuzz(one_input)
