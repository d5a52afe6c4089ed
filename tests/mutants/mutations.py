"""Small defects to put into a module, and a fair choice among them.

Each is one change of one place: a condition the other way round, a constant or an enum member for another, a row of a
table or a statement left out. Text with spaces is for people and stays as it is.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_OPPOSITES: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_SHOWN: Final = 60


@dataclass(frozen=True)
class Mutation:
    """One change of a file: `before`, which begins at the byte `begin`, becomes `after`."""

    file: Path
    kind: str
    line: int
    begin: int
    before: str
    after: str

    def __str__(self) -> str:
        before, after = (" ".join(code.split())[:_SHOWN] for code in (self.before, self.after))
        return f"{self.file.parent.name}/{self.file.name}:{self.line}: {self.kind}: {before} -> {after}"


def apply(mutations: Iterable[Mutation], root: Path) -> None:
    """Changes the files below `root`. No two of the mutations may change one line."""
    for mutation in sorted(mutations, key=lambda mutation: -mutation.begin):
        source = (root / mutation.file).read_bytes()
        rest = source[mutation.begin + len(mutation.before.encode()) :]
        (root / mutation.file).write_bytes(source[: mutation.begin] + mutation.after.encode() + rest)


def chosen(root: Path, packages: Iterable[str], count: int, seed: int) -> list[Mutation]:
    """About `count` mutations, spread over all modules: to each as many as the root of what it could have."""
    files = sorted(file.relative_to(root) for package in packages for file in (root / package).rglob("*.py"))
    trees = {file: ast.parse((root / file).read_text()) for file in files}
    enums = {name: members for tree in trees.values() for name, members in _enums(tree)}
    possible = {file: list(_mutations(root, file, trees[file], enums)) for file in files}
    share = count / sum(len(found) ** 0.5 for found in possible.values())
    return [
        mutation
        for file, found in possible.items()
        if found
        for mutation in _choice(found, max(1, round(share * len(found) ** 0.5)), f"{seed} {file.name}")
    ]


def _choice(mutations: list[Mutation], count: int, seed: str) -> list[Mutation]:
    """Of each kind about as many, and no two of one line."""
    random.Random(seed).shuffle(mutations)  # noqa: S311 - a choice that can be repeated
    of_kind: dict[str, list[Mutation]] = {}
    for mutation in mutations:
        of_kind.setdefault(mutation.kind, []).append(mutation)
    taken: dict[int, Mutation] = {}
    while len(taken) < count and any(of_kind.values()):
        for waiting in of_kind.values():
            if waiting and len(taken) < count:
                mutation = waiting.pop()
                taken.setdefault(mutation.line, mutation)
    return sorted(taken.values(), key=lambda mutation: mutation.line)


def _enums(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """The enum classes of a module, with the names of their members."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) in {"Enum", "Flag"} for base in node.bases):
            assigned = [statement.targets[0] for statement in node.body if isinstance(statement, ast.Assign)]
            yield node.name, [target.id for target in assigned if isinstance(target, ast.Name)]


def _mutations(root: Path, file: Path, tree: ast.Module, enums: Mapping[str, list[str]]) -> Iterator[Mutation]:
    source = (root / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _mutable(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        for kind, after in _changes(node, enums):
            yield Mutation(file, kind, node.lineno, begin, source[begin:end].decode(), after)


def _mutable(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The expressions and statements that do something: no annotations, imports, docstrings and logging."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)) or _is_for_types(node) or _is_for_people(node):
        return
    if isinstance(node, (ast.expr, ast.stmt)):
        yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            for child in cast("list[object]", value) if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _mutable(child)


def _is_for_types(node: ast.AST) -> bool:
    of_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"__all__", "__slots__"}
    return of_types or named or (isinstance(node, ast.Call) and ast.unparse(node.func) in {"cast", "TypeVar"})


def _is_for_people(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or "_log" in ast.unparse(node.value))


def _changes(  # noqa: C901, PLR0912 - a table, as `match` writes it
    node: ast.expr | ast.stmt, enums: Mapping[str, list[str]]
) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPPOSITES:
            yield "comparison", f"({ast.unparse(ast.Compare(left, [_OPPOSITES[type(op)]()], [right]))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "no not", f"bool({ast.unparse(operand)})"
        case ast.BoolOp(op=op, values=values):
            swapped: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and/or", f"({ast.unparse(ast.BoolOp(swapped, values))})"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "branches", f"({ast.unparse(ast.IfExp(test, orelse, body))})"
        case ast.Constant(value=bool(value)):
            yield "constant", str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "constant", str(value + 1)
        case ast.Constant(value=str(value)) if value and " " not in value:
            yield "text", repr(f"{value}_")
        case ast.Attribute(value=ast.Name(id=name), attr=member) if member in enums.get(name, ()):
            members = enums[name]
            yield "member", f"{name}.{members[(members.index(member) + 1) % len(members)]}"
        case ast.Dict(keys=keys, values=values) if len(keys) > 1:
            yield "row", ast.unparse(ast.Dict(keys[1:], values[1:]))
        case ast.Set(elts=elts) if len(elts) > 1:
            yield "row", ast.unparse(ast.Set(elts[:-1]))
        case ast.Tuple(elts=elts, ctx=ast.Load()) if len(elts) > 2:
            yield "row", f"({ast.unparse(ast.Tuple(elts[:-1], ast.Load()))})"
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise():
            yield "statement", "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement", "pass"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return", "return None"
        case _:
            pass
