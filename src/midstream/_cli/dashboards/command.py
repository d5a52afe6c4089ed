"""`midstream dashboards export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import click

from midstream._cli.console.folder import Changes, write_folder
from midstream._cli.console.problem import refuse, shown
from midstream._cli.dashboards.kubernetes import Manifests, as_chart, as_kustomization
from midstream._cli.dashboards.links import Links
from midstream._cli.dashboards.prices import FILE as PRICES
from midstream._cli.dashboards.prices import Prices
from midstream._cli.dashboards.settings import BoardSettings
from midstream._cli.dashboards.shipped import made, shipped

_OBJECTS: Final[Mapping[str, Callable[[Mapping[str, str]], Mapping[str, str]]]] = {
    "kubernetes": dict,
    "kustomize": as_kustomization,
    "helm": as_chart,
}
"""By format, what is made of the Kubernetes objects."""


@dataclass(frozen=True)
class ExportOptions:
    """The options of `midstream dashboards export`, as they were given."""

    folder: str
    form: str
    grafana_url: str | None
    runbook_url: str | None
    namespace: str | None
    labels: tuple[str, ...]
    by: str | None
    objective: str | None
    window: str | None
    prices_file: str | None
    force: bool

    def links(self) -> Links:
        """The links of the alerts. Raises `Problem` for a URL that cannot be a base."""
        return Links.from_options(self.grafana_url, self.runbook_url)

    def settings(self) -> BoardSettings:
        """What boards and rules are made with. Raises `Problem` for a value that cannot be used."""
        return BoardSettings.from_options(self.by, self.objective, self.window)

    def prices(self) -> Prices | None:
        """The prices of tokens; `None` without. Raises `Problem` for a file that has none."""
        return None if self.prices_file is None else Prices.from_file(self.prices_file)

    def manifests(self) -> Manifests | None:
        """What Kubernetes objects have in common; `None` for plain files. Raises `Problem` if options do not fit."""
        if self.form in _OBJECTS:
            return Manifests.from_options(self.namespace, self.labels)
        for option, value in [("--namespace", self.namespace), *(("--label", label) for label in self.labels)]:
            if value is not None:
                refuse(option, value, f"is for --format {', '.join(_OBJECTS)} only")
        return None


def run(options: ExportOptions) -> None:
    """Exports boards, rules and runbooks. Raises `Problem` if it cannot."""
    links, manifests, settings, prices = options.links(), options.manifests(), options.settings(), options.prices()
    found = shipped() if settings == BoardSettings() else made(settings)
    rules = {name: links.added_to(text) for name, text in found.rules.items()}
    if prices is not None:
        rules[PRICES] = prices.rules()
    files = {f"runbooks/{name}": text for name, text in found.runbooks.items()}
    files |= {f"alertmanager/{name}": text for name, text in found.alertmanager.items()}
    if manifests is None:
        files |= {f"grafana/{name}": text for name, text in found.boards.items()}
        files |= {f"grafana-v2/{name}": text for name, text in found.resources.items()}
        files |= {f"prometheus/{name}": text for name, text in rules.items()}
    else:
        # Not in subfolders, where `kubectl apply -f` would not find them.
        files |= _OBJECTS[options.form](manifests.of_all(found.boards, rules))
    changes = write_folder(options.folder, files, force=options.force)
    counts = f"{len(found.boards)} boards, {len(rules)} files of rules and {len(found.runbooks)} runbooks"
    click.echo("\n".join(_report(changes, shown(options.folder), counts)))


def _report(changes: Changes, folder: str, counts: str) -> Iterator[str]:
    if not changes.is_update:
        yield f"Wrote {counts} to {folder}."
        return
    kinds = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    if not any(kinds.values()):
        yield f"Nothing has changed: {folder} has {counts}."
        return
    numbers = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    yield f"Updated {folder}: {numbers}, {changes.same} as before."
    yield from (f"  {kind:7}  {name}" for kind, names in kinds.items() for name in names)
