"""What options have for values, and what comes with midstream. `Problem` is raised for a value that cannot be used."""

from __future__ import annotations

from pathlib import Path
from re import Pattern
from typing import IO, Any
from urllib.parse import urlsplit

import midstream
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


def shipped_path(name: str) -> Path:
    """What comes with midstream: where a wheel has it, or where a checkout has it, with the package in src/."""
    package = Path(midstream.__file__).parent
    return next(filter(Path.exists, (package / name, package.parents[1] / name)), package / name)
