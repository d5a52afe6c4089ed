"""Whatever `classify` is given, an exception or a body: it never raises, and what it returns is bounded."""

from __future__ import annotations

from midstream._outcomes import classify
from support.fuzzed import Source, fuzz
from support.hostile import assert_harmless


def one_input(data: bytes) -> None:
    """Classifies one object."""
    source = Source(data)
    assert_harmless(classify(source.exception() if source.number(1) else source.value()))


if __name__ == "__main__":
    fuzz(one_input)
