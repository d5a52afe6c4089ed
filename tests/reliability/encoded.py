"""What an OTLP exporter makes of what was exported: whether it can encode it, and how long its texts are."""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from support.exported import Exported

__all__ = ("assert_encodable", "texts")

_MAX_LENGTH = 1024 + len("text_completion ")
_MAX_STACKTRACE_LENGTH = 100_000


def texts(exported: Exported) -> Iterator[tuple[str, str]]:
    """Every text that was exported, with the name that it has."""
    for span in exported.spans:
        yield "span", span.name
        yield "status", span.status.description or ""
        yield from _of(span.attributes)
    for log in exported.logs:
        yield from _of(log.log_record.attributes)
    for points in exported.metrics().values():
        for point in points:
            yield from _of(point.attributes)


def _of(attributes: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for name, value in (attributes or {}).items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, tuple):
            yield from ((name, str(one)) for one in cast("Any", value))


def assert_encodable(exported: Exported, caplog: pytest.LogCaptureFixture) -> None:
    """Everything that was exported is bounded, and an OTLP exporter loses nothing of it."""
    for name, text in texts(exported):
        assert len(text) <= (_MAX_STACKTRACE_LENGTH if name == "exception.stacktrace" else _MAX_LENGTH), name
        assert "\x00" not in text
        assert text.encode().decode() == text
    if importlib.util.find_spec("opentelemetry.exporter.otlp") is None:
        return  # it comes with the newest SDK's environment only
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    with caplog.at_level(logging.WARNING, logger="opentelemetry"):
        spans = encode_spans(exported.spans)
        logs = encode_logs(exported.logs)
        metrics = exported.metrics_in_memory.get_metrics_data()
        assert metrics is not None
        encode_metrics(metrics).SerializeToString()
    # An attribute that cannot be encoded is left out, with a message.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")] == []
    assert len(spans.SerializeToString()) + len(logs.SerializeToString()) > 0
