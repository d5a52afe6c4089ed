"""`midstream dashboards export`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from midstream._cli.console.new_folder import write_folder
from midstream._cli.console.problem import Problem, shown
from midstream._cli.dashboards.kubernetes import Manifests
from midstream._cli.dashboards.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._cli.dashboards.links import Links
    from midstream._cli.dashboards.shipped import Shipped


@dataclass(frozen=True)
class Wishes:
    """What the export was asked for."""

    folder: str
    links: Links
    manifests: Manifests | None
    """How to make objects of Kubernetes. `None` is: plain files."""


def manifests(form: str, namespace: str | None, labels: tuple[str, ...]) -> Manifests | None:
    """How to make objects of Kubernetes, if `form` is that. Raises `Problem` for options that do not fit."""
    if form == "kubernetes":
        return Manifests.of(namespace, labels)
    given = [("--namespace", namespace), *(("--label", label) for label in labels)]
    for option, value in given:
        if value is not None:
            message = f"{option} {shown(value)}: is for --format kubernetes only"
            raise Problem(message)
    return None


def run(wishes: Wishes) -> None:
    """Exports boards, rules and runbooks. Raises `Problem` for a wish that cannot be fulfilled."""
    found = shipped()
    linked = replace(found, rules={name: wishes.links.put_into(text) for name, text in found.rules.items()})
    write_folder(wishes.folder, _files(linked) if wishes.manifests is None else _objects(linked, wishes.manifests))
    counts = f"{len(found.boards)} boards, {len(found.rules)} files of rules and {len(found.runbooks)} runbooks"
    click.echo(f"Wrote {counts} to {shown(wishes.folder)}.")


def _files(shipped: Shipped) -> Mapping[str, str]:
    return {
        **_inside("grafana", shipped.boards),
        **_inside("prometheus", shipped.rules),
        **_inside("runbooks", shipped.runbooks),
    }


def _objects(shipped: Shipped, manifests: Manifests) -> Mapping[str, str]:
    """All objects in the folder itself: `kubectl apply -f` takes no file from the folders in it."""
    boards = {_yaml("configmap", name): manifests.of_board(name, text) for name, text in shipped.boards.items()}
    rules = {_yaml("prometheusrule", name): manifests.of_rules(name, text) for name, text in shipped.rules.items()}
    return {**boards, **rules, **_inside("runbooks", shipped.runbooks)}


def _inside(folder: str, files: Mapping[str, str]) -> Mapping[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


def _yaml(kind: str, file_name: str) -> str:
    return f"{kind}-{file_name.rpartition('.')[0]}.yaml"
