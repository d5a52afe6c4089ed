"""Checks URLs that are given as options."""

from __future__ import annotations

from re import Pattern
from urllib.parse import urlsplit

from midstream._cli.console.problem import Problem, shown


def base_url(option: str, url: str, expected: str, allowed: Pattern[str] | None = None) -> str:
    """Returns `url` without the slashes at its end, for paths to be added.

    It must be an http or https URL with a host, without query and fragment, and match `allowed` in full. Raises
    `Problem` if it is not; the message says that `option` must be what is `expected`.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        valid = valid and not parts.query and not parts.fragment
    except ValueError:  # unbalanced brackets, or a port that is not a number
        valid = False
    if valid and (allowed is None or allowed.fullmatch(url)):
        return url.rstrip("/")
    message = f"{option} {shown(url)}: must be {expected}"
    raise Problem(message)
