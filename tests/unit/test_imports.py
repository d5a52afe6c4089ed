"""Imports in src/midstream go downwards only and form no cycle; names say what is public, and each class has its own.

All of this is read from the source: an import counts inside a function, for type checkers only, and by name, too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

import midstream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

LAYERS: Final = (
    "_version",
    "_supported",
    "_loopback",
    "_interrupts",
    "_guard",
    "_outcomes",
    "_corrections",
    "_telemetry",
    "_sdk",
    "_options",
    "_neighbours",
    "_observation",
    "_instrumentor",
    "midstream",  # the public names, in __init__.py
    "faults",
    "testing",
    "_cli",
    "__main__",
)
"""The modules and packages in src/midstream, from the bottom. Each may import those before it."""

LIMITED: Final = {"faults": ("_outcomes",)}
"""What a layer may import if that is less: fault servers need the words for an outcome, and nothing that observes."""

PUBLIC: Final = {"midstream", "midstream.faults", "midstream.testing"}
"""Every other module has a name with an underscore in its path."""

# Exceptions from the rules, to be removed from the code. A test that finds one gone asks for its removal from here.
KNOWN_UPWARD: Final = set[str]()
KNOWN_CYCLES: Final = set[str]()
KNOWN_PUBLIC: Final = set[str]()
KNOWN_CLASSES: Final = set[str]()


class Import(NamedTuple):
    """One import of a module of midstream by another."""

    where: str
    """File and line."""
    importer: str
    imported: str

    def __str__(self) -> str:
        """Without the name of the package, which all have in common."""
        return f"{self.importer} -> {self.imported}".replace("midstream.", "")


def modules_in(package: Path) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    names = ((file.relative_to(package.parent).with_suffix("").parts, file) for file in sorted(package.rglob("*.py")))
    return {".".join(parts).removesuffix(".__init__"): file for parts, file in names}


def imports_in(modules: Mapping[str, Path]) -> list[Import]:
    """Every import of one of `modules` by another. Importing the packages around a module does not count."""
    found: list[Import] = []
    for importer, file in modules.items():
        package = importer if file.stem == "__init__" else importer.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_bytes())):
            where = f"{_shown(file)}:{getattr(node, 'lineno', 0)}"
            names = dict.fromkeys(_imported(node, package, modules))
            found += (Import(where, importer, name) for name in names if name in modules)
    return found


def _imported(node: ast.AST, package: str, modules: Collection[str]) -> Iterable[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            origin = resolve_name("." * level + (module or ""), package)
            members = (f"{origin}.{alias.name}" for alias in names)
            return [member if member in modules else origin for member in members]
        case ast.Constant(value=str(text)) if "." in text:  # import_module("..."), and the tables of lazy imports
            return [text]
        case _:
            return []


def upward(imports: Iterable[Import]) -> list[Import]:
    """Those that the layers do not allow."""
    return [found for found in imports if not _is_allowed(_layer(found.importer), _layer(found.imported))]


def _is_allowed(importer: str, imported: str) -> bool:
    if importer == imported or importer not in LAYERS:
        return True
    return imported in LIMITED.get(importer, LAYERS[: LAYERS.index(importer)])


def _layer(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def in_cycles(imports: Sequence[Import]) -> list[Import]:
    """Those whose importer is imported again, directly or not, by what it imports."""
    direct: defaultdict[str, set[str]] = defaultdict(set)
    for found in imports:
        direct[found.importer].add(found.imported)
    return [found for found in imports if found.importer in _reached(found.imported, direct)]


def _reached(module: str, direct: Mapping[str, Collection[str]]) -> set[str]:
    reached, ahead = set[str](), [module]
    while ahead:
        new = set(direct.get(ahead.pop(), ())) - reached
        reached |= new
        ahead += new
    return reached


def _shown(file: Path) -> str:
    return f"src/{file.relative_to(SOURCE.parent)}" if SOURCE in file.parents else file.name


def check(found: Iterable[tuple[str, str]], known: Collection[str]) -> None:
    """Fails for what is found and not known, with its message, and for what is known and no longer found."""
    found = list(found)
    new = [message for what, message in found if what not in known]
    gone = set(known) - {what for what, _ in found}
    assert not new, "\n".join(new)
    assert not gone, f"gone from src, so remove it from the known exceptions at the top: {sorted(gone)}"


SOURCE: Final = Path(midstream.__file__).parent
MODULES: Final = modules_in(SOURCE)
IMPORTS: Final = imports_in(MODULES)


def test_every_module_has_a_layer() -> None:
    assert {_layer(module) for module in MODULES} == set(LAYERS), "LAYERS needs a place for every module and package"


def test_imports_go_downwards_only() -> None:
    rule = "imports go to the layers before one's own in LAYERS"
    check(((str(found), f"{found.where}: {found}: {rule}") for found in upward(IMPORTS)), KNOWN_UPWARD)


def test_no_imports_form_a_cycle() -> None:
    rule = "which leads back to it: no cycles, nor for type checkers only"
    check(((str(found), f"{found.where}: {found}, {rule}") for found in in_cycles(IMPORTS)), KNOWN_CYCLES)


def test_an_underscore_marks_every_module_that_is_not_public() -> None:
    named = {module for module in MODULES if "._" not in module}
    rule = "a module that is not public has an underscore in its path"
    assert named >= PUBLIC
    check(((module, f"{_shown(MODULES[module])}: {rule}") for module in sorted(named - PUBLIC)), KNOWN_PUBLIC)


def test_no_two_classes_have_the_same_name() -> None:
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for file in MODULES.values():
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(f"{_shown(file)}:{node.lineno}")
    twice = {name: places for name, places in classes.items() if len(places) > 1}
    check(
        ((name, f"{', '.join(places)}: each class has its own name") for name, places in twice.items()), KNOWN_CLASSES
    )


def written(package: Path, sources: Mapping[str, str]) -> list[Import]:
    """The imports of a package that is made of these files."""
    for name, source in sources.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    return imports_in(modules_in(package))


@pytest.mark.parametrize(
    "statement",
    [
        "import midstream._outcomes.status",
        "from midstream._outcomes import status",
        "from midstream._outcomes.status import STATUS",
        "from .._outcomes import status",
        "def later():\n    import midstream._outcomes.status",
        "if TYPE_CHECKING:\n    from midstream._outcomes.status import Status",
        "import_module('midstream._outcomes.status')",
        "_HOMES = {'Status': 'midstream._outcomes.status'}",
    ],
)
def test_every_kind_of_import_is_seen(tmp_path: Path, statement: str) -> None:
    files = {"_sdk/call.py": statement, "_outcomes/__init__.py": "", "_outcomes/status.py": "'midstream.outcome'"}
    assert list(map(str, written(tmp_path / "midstream", files))) == ["_sdk.call -> _outcomes.status"]


def test_an_import_of_a_name_is_one_of_the_package_that_has_it(tmp_path: Path) -> None:
    files = {"_sdk/__init__.py": "from midstream._outcomes import Failure", "_outcomes/__init__.py": ""}
    assert list(map(str, written(tmp_path / "midstream", files))) == ["_sdk -> _outcomes"]


@pytest.mark.parametrize(
    ("importer", "imported", "is_upward"),
    [
        ("_sdk/call.py", "_outcomes", False),
        ("_sdk/call.py", "_sdk", False),
        ("_outcomes/status.py", "_sdk", True),
        ("_sdk/call.py", "faults", True),
        ("faults/server.py", "_outcomes", False),
        ("faults/server.py", "_sdk", True),
        ("testing/calls.py", "_cli", True),
        ("_guard.py", "_instrumentor", True),
    ],
)
def test_layers_allow_what_is_below(tmp_path: Path, importer: str, imported: str, is_upward: bool) -> None:
    files = {importer: f"import midstream.{imported}.other", f"{imported}/other.py": ""}
    imports = written(tmp_path / "midstream", files)
    assert upward(imports) == (imports if is_upward else [])


def test_a_cycle_of_three_is_found_and_what_leads_to_it_is_not(tmp_path: Path) -> None:
    files = {
        "call.py": "import midstream.body",
        "body.py": "import midstream.scan",
        "scan.py": "if TYPE_CHECKING:\n    import midstream.call\nimport midstream.end",
        "end.py": "",
        "start.py": "import midstream.call",
    }
    found = set(map(str, in_cycles(written(tmp_path / "midstream", files))))
    assert found == {"call -> body", "body -> scan", "scan -> call"}


def test_an_exception_that_is_gone_must_be_removed() -> None:
    check([("a -> b", "a.py:1")], {"a -> b"})
    with pytest.raises(AssertionError, match=r"remove it .*\['a -> b'\]"):
        check([], {"a -> b"})
    with pytest.raises(AssertionError, match=r"^a\.py:1"):
        check([("a -> b", "a.py:1")], ())
