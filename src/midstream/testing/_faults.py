"""The fault server of a test, and the clients that call it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache, partial
from typing import Any, Final

import pytest
from anthropic import (
    DEFAULT_CONNECTION_LIMITS,
    Anthropic,
    AsyncAnthropic,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
)
from typing_extensions import Self

from midstream._loopback import LOOPBACK_ONLY
from midstream.faults import FaultServer, Served

__all__ = ("Faults",)

_KEY: Final = "test"
_TIMEOUT_SECONDS: Final = 10.0


class Faults:
    """The fault server of one test. A context manager: leaving it closes the server and its clients.

    A request without a script gets the scenario that its model names, or else a complete answer.
    """

    def __init__(self) -> None:
        self._server = FaultServer()
        self._server.script()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._closing.enter_context(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return self._server.url

    @property
    def requests(self) -> tuple[Served, ...]:
        """The requests that the server received, in order: model, scenario, resends, status."""
        return self._server.requests

    def script(self, *scenarios: str, repeat: bool = False) -> None:
        """Sets the scenarios of the next requests, one for each, whatever model they name.

        With `repeat` the script starts over after the last. Replaces the rest of an earlier script. Raises `ValueError`
        for an unknown scenario.
        """
        __tracebackhide__ = True  # pytest then points at the line of the test
        try:
            self._server.script(*scenarios, repeat=repeat)
        except ValueError as error:
            message = f"anthropic_faults.script(): {error}"
            raise ValueError(message) from None

    def client(self, **options: Any) -> Anthropic:
        """A client that calls the server. It is closed at the end of the test.

        `options` are those of `Anthropic`. By default the client does not retry, so that what is scripted reaches the
        code under test, and waits at most 10 seconds.
        """
        return self._closing.enter_context(Anthropic(**self._options(options, DefaultHttpxClient)))

    def async_client(self, **options: Any) -> AsyncAnthropic:
        """The same as `client()`, async. It keeps no connection between calls, so it need not be closed."""
        # A fixture cannot close anything on the event loop of a test.
        limits = type(DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0)
        return AsyncAnthropic(**self._options(options, partial(DefaultAsyncHttpxClient, limits=limits)))

    def set_environment(self) -> None:
        """Directs clients that the code under test creates to the server, until the end of the test.

        Sets `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY`. Clients with an explicit URL, and existing ones, ignore them.
        """
        environment = self._closing.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("ANTHROPIC_BASE_URL", self.url)
        environment.setenv("ANTHROPIC_API_KEY", _KEY)
        environment.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
        for name in ("NO_PROXY", "no_proxy"):
            environment.setenv(name, "127.0.0.1", prepend=",")

    def lines(self) -> list[str]:
        """One line per request, for people."""
        return [_line(request) for request in self.requests] or ["no request has come"]

    def __repr__(self) -> str:
        return f"<Faults: {len(self.requests)} requests>"

    def _options(self, options: Mapping[str, Any], http_client: Callable[..., Any]) -> dict[str, Any]:
        ours: dict[str, Any] = {
            "api_key": _KEY,
            "base_url": self.url,
            "max_retries": 0,
            "timeout": _TIMEOUT_SECONDS,
        }
        if "http_client" not in options:
            ours["http_client"] = http_client(**LOOPBACK_ONLY, verify=_no_certificates())
        return {**ours, **options}


def _line(request: Served) -> str:
    what = request.scenario or f"refused with {request.status}"
    again = f"; resend {request.resends}" if request.resends else ""
    return f"{request.number}. {request.method} {request.path} {request.model or ''}: {what}{again}"


@cache
def _no_certificates() -> ssl.SSLContext:
    """Trusts no certificate: nothing here is TLS, and loading certificates takes longer than most tests."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
