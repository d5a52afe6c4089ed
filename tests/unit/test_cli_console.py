"""What the commands share: captured exceptions and logs, handlers of signals, URLs."""

from __future__ import annotations

import logging
import re
import signal

import pytest

from midstream._cli.console.captured import CapturedException, captured_logs
from midstream._cli.console.problem import Problem
from midstream._cli.console.signals import signals_handled
from midstream._cli.console.values import base_url


def test_an_exception_is_captured() -> None:
    error = ValueError("no")
    with CapturedException() as captured:
        raise error
    assert captured.error is error


def test_an_interrupt_is_not_captured() -> None:
    captured = CapturedException()
    with pytest.raises(KeyboardInterrupt), captured:
        raise KeyboardInterrupt
    assert captured.error is None


def test_logs_are_captured_from_a_logger_and_those_below_it(caplog: pytest.LogCaptureFixture) -> None:
    records: list[logging.LogRecord] = []
    with captured_logs(records.append, "shop"):
        logging.getLogger("shop").info("too low")
        logging.getLogger("shop.till").warning("open")
        logging.getLogger("shopping").warning("another")
    logging.getLogger("shop").warning("closed")
    assert [record.getMessage() for record in records] == ["open"]
    assert [record.getMessage() for record in caplog.records] == ["another", "closed"]


def test_captures_nest() -> None:
    outer: list[logging.LogRecord] = []
    inner: list[logging.LogRecord] = []
    with captured_logs(outer.append, "shop"):
        with captured_logs(inner.append, "shop", level=logging.ERROR):
            logging.getLogger("shop").error("fire")
            logging.getLogger("shop").warning("smoke")
        logging.getLogger("shop").warning("ash")
    assert [record.getMessage() for record in outer] == ["fire", "smoke", "ash"]
    assert [record.getMessage() for record in inner] == ["fire"]


def test_signals_have_their_previous_handlers_afterwards() -> None:
    handled: list[int] = []
    previous = signal.getsignal(signal.SIGTERM)
    with signals_handled({signal.SIGTERM: lambda number, _frame: handled.append(number)}):
        signal.raise_signal(signal.SIGTERM)
    assert handled == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is previous


@pytest.mark.parametrize("url", ["http://host", "HTTPS://host:4318/path", "http://[::1]:1"])
def test_a_base_url_loses_the_slashes_at_its_end(url: str) -> None:
    assert base_url("--url", f"{url}/", "a URL") == url


@pytest.mark.parametrize("url", ["host:4318", "ftp://host", "http://:1", "http://host:0", "http://[::1", "http://h?q"])
def test_an_invalid_url_is_named_with_what_was_expected(url: str) -> None:
    with pytest.raises(Problem, match=re.escape(f"--url {url}: must be a URL")):
        base_url("--url", url, "a URL")


def test_a_url_may_have_only_the_allowed_characters() -> None:
    with pytest.raises(Problem):
        base_url("--url", "http://host/'", "a URL", re.compile(r"[\w:/]+"))
