"""Checks what options have for values. Each function raises `Problem` for one that cannot be used."""

from __future__ import annotations

from pathlib import Path
from re import Pattern
from typing import IO, Any
from urllib.parse import urlsplit

from midstream._cli.console.problem import refuse


def base_url(option: str, url: str, expected: str, allowed: Pattern[str] | None = None) -> str:
    """Returns `url` without the slashes at its end, for paths to be added.

    It must be an http or https URL with a host, without query and fragment, and match `allowed` in full. If it is not,
    the message says that `option` must be what is `expected`.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        valid = valid and not parts.query and not parts.fragment
    except ValueError:  # unbalanced brackets, or a port that is not a number
        valid = False
    if not valid or (allowed is not None and not allowed.fullmatch(url)):
        refuse(option, url, f"must be {expected}")
    return url.rstrip("/")


def log_file(path: str, mode: str, encoding: str | None = None) -> IO[Any]:
    """Opens the file of `--log`."""
    try:
        return Path(path).open(mode, encoding=encoding)
    except OSError as error:
        refuse("--log", path, f"cannot be written: {error.strerror}")
