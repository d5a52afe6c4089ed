"""A real fault server, the real SDK, a real OpenTelemetry SDK."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer
from support.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def exported() -> Iterator[Exported]:
    memory = Exported()
    yield memory
    memory.shutdown()


@pytest.fixture
def instrumented(exported: Exported) -> Callable[..., AbstractContextManager[Exported]]:
    """`with instrumented(spans=False):` observes what runs inside, and exports it into `exported`."""

    @contextmanager
    def instrument(**options: Any) -> Generator[Exported]:
        instrumentor = AnthropicInstrumentor()
        instrumentor.instrument(**{**exported.providers, **options})
        try:
            yield exported
        finally:
            instrumentor.uninstrument()

    return instrument


@pytest.fixture(name="certificate", scope="session")
def certificate_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, with its key, that signs itself."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "upstream.pem"
    path.write_bytes(
        certificate.public_bytes(encoding) + key.private_bytes(encoding, form, serialization.NoEncryption())
    )
    return path


@pytest.fixture(autouse=True)
def no_fault_of_our_own(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Generator[None]:
    """Fails a test in which midstream had to contain a fault that the test did not inject."""
    caplog.set_level(logging.DEBUG, logger="midstream")
    yield
    if request.node.get_closest_marker("injects_faults") is None:
        assert [
            record.getMessage()
            for record in caplog.get_records("call")
            if "caught an internal error" in record.getMessage()
        ] == []
