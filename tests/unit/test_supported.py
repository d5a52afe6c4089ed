"""The supported versions: what the code says and what the installer requires are the same."""

from __future__ import annotations

from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from midstream import AnthropicInstrumentor
from midstream._supported import OPENTELEMETRY, SDK, SDK_REQUIREMENT, major_minor


def required(package: str) -> set[str]:
    """The specifiers of `package` in the metadata, those of the extras included."""
    found = map(Requirement, requires("midstream") or ())
    return {str(requirement.specifier) for requirement in found if requirement.name == package}


def test_every_requirement_of_the_sdk_is_the_supported_range() -> None:
    (first, end) = SDK
    assert required("anthropic") == {str(Requirement(SDK_REQUIREMENT).specifier)}
    assert required("anthropic") == {f"<{end[0]},>={first[0]}.{first[1]}"}
    assert [*AnthropicInstrumentor().instrumentation_dependencies()] == [SDK_REQUIREMENT]


def test_the_requirement_of_opentelemetry_starts_at_the_first_supported_version() -> None:
    assert required("opentelemetry-api") == {f"<2,>={OPENTELEMETRY[0]}.{OPENTELEMETRY[1]}"}


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1.30.0", (1, 30)),
        ("0.51b0", (0, 51)),
        ("2.0rc1", (2, 0)),
        ("3", (3, 0)),
        ("", None),
        ("unknown", None),
        (None, None),
    ],
)
def test_the_first_two_numbers_of_a_version(version: object, numbers: tuple[int, int] | None) -> None:
    assert major_minor(version) == numbers
