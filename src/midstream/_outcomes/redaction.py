"""What is removed from a message before it is recorded: keys, URLs, and bytes of the body."""

from __future__ import annotations

import re
from typing import Final

from midstream._outcomes.failure import shortened
from midstream._outcomes.values import compiled

# A protocol error can quote the bytes that caused it: `illegal chunk header: bytearray(b'...')`.
_QUOTED_BYTES: Final = r"(?<![:\s])[:\s]*(?<!\w)(?:bytearray\(|bytes\()?b['\"].*"

# For an unknown protocol, aiohttp's transport quotes the whole URL, with a password and a query.
# urllib3 quotes the path that it requested, with the query.
_QUOTED_URL: Final = r"(://|with url: )[^\s'\"<>]+"

# Gateways quote a wrong key. A word after "basic" or "bearer" is a key if it has a digit, or is long.
_QUOTED_KEY: Final = r"""\b(?P<kind>
        sk[-_](?=[\w-]*\d|ant-|live_|proj-)
        | (?:bearer|basic):?\s+(?=\S*\d|\S{16})
        | (?:x-)?api[-_]?key["']?\s*[:=]\s*["']?(?=\S*\d|\S{16})
        | eyJ(?=[\w-]+\.)
        | AKIA(?=[A-Z0-9]{12})
        | ya29\.
    )[\w.~+/=*-]{8,}"""

_STARTS_OF_KEYS: Final = ("sk-", "sk_", "bearer", "basic", "key", "eyj", "akia", "ya29.")
"""In lower case, one of these is in every text with a quoted key. To look for them takes a tenth of the time."""


def shown(message: str | None) -> str | None:
    """`message` in one line, without the keys and the URLs that it quotes. `None` for an empty one."""
    return shortened(without_urls(without_keys(message))) if message else None


def without_keys(message: str) -> str:
    """`message` of an API or a gateway without the keys that it quotes."""
    if message.isascii():  # other letters can be equal to these in a way that `lower` does not know
        lower = message.lower()
        if not any(map(lower.__contains__, _STARTS_OF_KEYS)):
            return message  # like nearly all
    return compiled(_QUOTED_KEY, re.IGNORECASE | re.VERBOSE).sub(r"\g<kind>...", message)


def without_urls(message: str) -> str:
    """`message` without the URLs that it quotes, which can have a password and a query."""
    if "://" not in message and "with url: " not in message:
        return message
    return compiled(_QUOTED_URL).sub(r"\1...", message)


def without_quotes(message: str) -> str:
    """`message` of a transport without the bytes and the URLs that it quotes."""
    return without_urls(compiled(_QUOTED_BYTES, re.DOTALL).sub("", message))
