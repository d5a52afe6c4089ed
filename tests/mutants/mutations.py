"""Small defects to put into a module, and a fair choice among them.

Each is one change of one place: a condition the other way round, a constant or an enum member for another, a row of a
table or a statement left out. Text with spaces is for people and stays as it is.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
_AND, _OR = ast.And(), ast.Or()


@dataclass(frozen=True)
class Mutation:
    """One change of a module's source."""

    kind: str
    line: int
    before: str
    after: str
    source: str
    """The whole module after the change."""

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}: {_short(self.before)} -> {_short(self.after)}"


def _short(code: str, length: int = 60) -> str:
    text = " ".join(code.split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def enum_members(sources: Iterable[str]) -> dict[str, list[str]]:
    """By name of an enum class, the names of its members."""
    return {
        node.name: [
            target.id
            for statement in node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        ]
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in {"Enum", "Flag"} for base in node.bases)
    }


def chosen(source: str, enums: Mapping[str, list[str]], count: int, seed: str) -> list[Mutation]:
    """`count` mutations of a module at most: of each kind about as many, and no two of one line."""
    shuffled = list(mutations(source, enums))
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a choice that can be repeated
    of_kind: dict[str, list[Mutation]] = {}
    for mutation in shuffled:
        of_kind.setdefault(mutation.kind, []).append(mutation)
    taken: dict[int, Mutation] = {}
    while len(taken) < count and any(of_kind.values()):
        for waiting in of_kind.values():
            if waiting and len(taken) < count:
                mutation = waiting.pop()
                taken.setdefault(mutation.line, mutation)
    return sorted(taken.values(), key=lambda mutation: mutation.line)


def mutations(source: str, enums: Mapping[str, list[str]]) -> Iterator[Mutation]:
    """Every mutation of a module."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for text in lines:
        starts.append(starts[-1] + len(text.encode()))
    encoded = source.encode()
    for node in _mutable(ast.parse(source)):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        for kind, after in _changes(node, enums):
            changed = (encoded[:begin] + after.encode() + encoded[end:]).decode()
            yield Mutation(kind, node.lineno, encoded[begin:end].decode(), after, changed)


def _mutable(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The expressions and statements that do something: no annotations, imports, docstrings and logging."""
    skipped = isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)) or _is_for_types(node) or _is_told(node)
    if skipped:
        return
    if isinstance(node, (ast.expr, ast.stmt)):
        yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _mutable(child)


def _is_for_types(node: ast.AST) -> bool:
    of_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"__all__", "__slots__"}
    return of_types or named or (isinstance(node, ast.Call) and ast.unparse(node.func) in {"cast", "TypeVar"})


def _is_told(node: ast.AST) -> bool:
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
            swapped: ast.boolop = _OR if isinstance(op, ast.And) else _AND
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
