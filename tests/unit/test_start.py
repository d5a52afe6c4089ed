"""What a start costs, where that does not depend on time: the modules that it imports, and what it compiles."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = """
import re, sys
import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs, wrapt
{before}
compiled, made = [], re.compile
def compile(pattern, *flags):
    compiled.append(sys._getframe(1).f_globals["__name__"])
    return made(pattern, *flags)
re.compile = compile
known = set(sys.modules)
from midstream import AnthropicInstrumentor
AnthropicInstrumentor().instrument()
print(*sorted(set(sys.modules) - known))
print(*(name for name in compiled if name.startswith("midstream")))
"""


def started(before: str = "") -> tuple[set[str], list[str]]:
    """The modules that a start imports, and the modules of midstream that compile a regular expression meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(before=before)], capture_output=True, text=True, check=True
    )
    modules, compiled = done.stdout.splitlines()
    return set(modules.split()), compiled.split()


def test_a_process_without_the_sdk_imports_a_few_modules_of_midstream_and_no_other_package() -> None:
    modules, compiled = started()
    ours = {name for name in modules if name.partition(".")[0] == "midstream"}
    opentelemetry = {"opentelemetry", "importlib_metadata"}  # the second with versions around 1.30
    foreign = {name.partition(".")[0] for name in modules - ours} - {*sys.stdlib_module_names} - opentelemetry
    assert (len(ours) <= 16, foreign, compiled) == (True, set(), []), ours


def test_a_start_with_the_sdk_imports_nothing_slow_and_compiles_nothing() -> None:
    modules, compiled = started("import anthropic")
    slow = (
        *("packaging", "opentelemetry.semconv", "opentelemetry.instrumentation"),
        *("midstream._cli", "midstream.faults", "midstream._corrections.errors"),
    )
    assert ([name for name in modules if name.startswith(slow)], compiled) == ([], [])


BASE = "from opentelemetry.instrumentation.instrumentor import BaseInstrumentor"
OURS = "from midstream import AnthropicInstrumentor"


@pytest.mark.parametrize("imports", [(BASE, OURS), (OURS, BASE)], ids=["before", "after"])
def test_the_instrumentor_is_one_of_opentelemetry_whichever_is_imported_first(imports: tuple[str, str]) -> None:
    program = "\n".join([*imports, "assert isinstance(AnthropicInstrumentor(), BaseInstrumentor)"])
    subprocess.run([sys.executable, "-c", program], check=True)
