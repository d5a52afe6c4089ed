"""What an import loads, and what every module exports."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import midstream

IMPURE = ["anthropic", "httpx", "httpx2", "opentelemetry", "wrapt"]


def imported_by(statement: str) -> set[str]:
    """The top-level packages that `statement` loads in a new interpreter."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import midstream",
        "import midstream._outcomes",
        "from midstream import classify, Failure, Outcome, Phase; classify(ValueError())",
        "import midstream._guard, midstream._options, midstream._version",
        "import midstream.faults",
    ],
)
def test_an_import_brings_the_standard_library_and_midstream_only(statement: str) -> None:
    foreign = imported_by(statement) - set(sys.stdlib_module_names) - {"midstream"}
    assert (foreign & set(IMPURE), foreign) == (set(), set())


@pytest.mark.parametrize("statement", ["import midstream._instrumentor", "import midstream._telemetry.metrics"])
def test_an_import_of_the_instrumentation_does_not_import_the_sdk(statement: str) -> None:
    assert imported_by(statement) & {"anthropic", "httpx", "httpx2"} == set()


def test_only_the_plugin_of_pytest_needs_pytest() -> None:
    package = Path(midstream.__file__).parent
    plugin = package / "testing"
    needs_it = re.compile(r"^\s*(import|from) (pytest|midstream\.testing)\b|\"midstream\.testing", re.MULTILINE)
    files = [file for file in package.rglob("*.py") if plugin not in file.parents]
    assert [file for file in files if needs_it.search(file.read_text(encoding="utf-8"))] == []
    assert [file for file in plugin.glob("*.py") if needs_it.search(file.read_text(encoding="utf-8"))] != []


@pytest.mark.parametrize("name", ["midstream", "midstream.faults", "midstream.testing"])
def test_every_public_package_exports_what_it_names(name: str) -> None:
    package: Any = importlib.import_module(name)
    exported: Any = package.__all__
    assert type(exported) is tuple
    assert [name for name in cast("tuple[str, ...]", exported) if not hasattr(package, name)] == []


def test_a_name_that_midstream_does_not_have_is_an_attribute_error() -> None:
    name = "classifi"
    with pytest.raises(AttributeError, match=r"^module 'midstream' has no attribute 'classifi'$"):
        getattr(midstream, name)
