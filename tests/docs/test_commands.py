"""The commands that pages name in a sentence or a table exist, with their options."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Final

import click

from midstream._cli.app import app
from support.blocks import CHECKOUT, PAGES, prose_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_INLINE: Final = re.compile(r"`([^`\n]+)`")
_ANY_SDK: Final = re.compile(r"^test-sdk-[\d.]+$")


def _named(program: str) -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for found in _INLINE.finditer(prose_of(page)):
            if found[1].startswith(f"{program} "):
                own, _, _of_a_program = found[1].partition(" | ")[0].partition(" -- ")
                yield page, shlex.split(own)[1:]


@cache
def _targets() -> frozenset[str]:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def _unknown(arguments: list[str]) -> str | None:
    """The argument that `midstream` does not know, if there is one."""
    command: click.Command = app
    with click.Context(app) as context:
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            found = command.get_command(context, arguments[0])
            if found is None:
                return arguments[0]
            command, arguments = found, arguments[1:]
        known = {
            option
            for parameter in command.get_params(context)
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
    options = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    return next((option for option in options if option not in known), None)


def test_make_has_every_target() -> None:
    named = [(page, target) for page, arguments in _named("make") for target in arguments if "=" not in target]
    assert named
    assert [one for one in named if one[1] not in _targets() and not _ANY_SDK.match(one[1])] == []


def test_midstream_has_every_command_and_option() -> None:
    named = list(_named("midstream"))
    assert named
    assert [(page, unknown) for page, arguments in named if (unknown := _unknown(arguments)) is not None] == []
