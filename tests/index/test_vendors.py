"""Vendors' distributions beside midstream, the newest of each: what docs/recipes.md says arrives, arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from index.installing import PATIENCE_SECONDS, environment, ran
from midstream.faults import FaultServer
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)


@dataclass(frozen=True)
class _Vendor:
    package: str
    signals: frozenset[str]
    """What of midstream's arrives."""
    setup: str | None = None
    """The code that sets up, instead of `opentelemetry-instrument`."""
    environment: tuple[tuple[str, str], ...] = ()


_ALL: Final = frozenset({"spans", "metrics", "logs"})
_INSTRUMENT: Final = "from midstream import AnthropicInstrumentor; AnthropicInstrumentor().instrument()"
_AWS_LOGS: Final = "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED"
_LOGFIRE: Final = "import logfire; logfire.configure(send_to_logfire=False, console=False)"
# Azure's exporters need an address, and get one where nothing listens; the spans come out by OTLP beside it.
_AZURE: Final = """
from azure.monitor.opentelemetry import configure_azure_monitor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor
configure_azure_monitor(
    connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9/",
    span_processors=[BatchSpanProcessor(OTLPSpanExporter())],
    disable_offline_storage=True,
)
"""

_VENDORS: Final = (
    _Vendor("elastic-opentelemetry", _ALL),
    _Vendor("splunk-opentelemetry>=2", _ALL),
    _Vendor("aws-opentelemetry-distro", _ALL - {"logs"}),
    _Vendor("aws-opentelemetry-distro", _ALL, environment=((_AWS_LOGS, "true"),)),
    _Vendor("azure-monitor-opentelemetry", frozenset({"spans"}), _AZURE + _INSTRUMENT),
    _Vendor("logfire", _ALL, f"{_LOGFIRE}; {_INSTRUMENT}"),
)

_SDK_VERSION: Final = "from importlib.metadata import version; print(version('opentelemetry-sdk'))"
_CALL: Final = """
import anthropic
with anthropic.Anthropic().messages.stream(
    model="cut", max_tokens=64, messages=[{"role": "user", "content": "hello"}]
) as stream:
    print(stream.get_final_text())
"""


@pytest.mark.parametrize(
    "vendor", _VENDORS, ids=lambda vendor: f"{vendor.package} {dict(vendor.environment) or ''}".strip()
)
def test_what_the_page_says_arrives(vendor: _Vendor, tmp_path: Path, wheels: Path) -> None:
    known = environment(PIP_FIND_LINKS=str(wheels))
    ran(("python3", "-m", "venv", tmp_path / "service"), tmp_path, known)
    programs = tmp_path / "service" / "bin"
    pip = (programs / "pip", "install", "--quiet")
    ran((*pip, "midstream[instruments]", vendor.package), tmp_path, known)
    # Some pin OpenTelemetry: pip would try every version of the exporter.
    sdk = ran((programs / "python", "-c", _SDK_VERSION), tmp_path, known).strip()
    ran((*pip, f"opentelemetry-exporter-otlp-proto-http=={sdk}"), tmp_path, known)
    (tmp_path / "app.py").write_text(f"{vendor.setup or ''}\n{_CALL}", encoding="utf-8")
    launcher = () if vendor.setup else (programs / "opentelemetry-instrument",)
    with FaultServer() as server, otlp_receiver() as receiver:
        settings = {
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": "any",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": "shop",
            **dict(vendor.environment),
        }
        told = ran((*launcher, programs / "python", "app.py"), tmp_path, {**known, **settings})
        arrived = {
            "spans": any(span.attributes.get("midstream.outcome") == "truncated" for span in receiver.spans),
            "metrics": any(point.name == "midstream.client.errors" for point in receiver.points),
            "logs": any(log.event_name == "gen_ai.client.operation.exception" for log in receiver.logs),
        }
    assert {signal for signal, has_arrived in arrived.items() if has_arrived} == vendor.signals, told
