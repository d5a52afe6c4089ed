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

_TEXTS: Final = ("runbooks", "alertmanager")
"""The folders whose files are not Kubernetes objects in any format."""


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
    links = Links.from_options(options.grafana_url, options.runbook_url)
    manifests = options.manifests()
    settings = BoardSettings.from_options(options.by, options.objective, options.window)
    prices = {} if options.prices_file is None else {PRICES: Prices.from_file(options.prices_file).rules()}
    found = shipped() if settings == BoardSettings() else made(settings)
    rules = {name: links.added_to(text) for name, text in found["prometheus"].items()} | prices
    folders = {**found, "prometheus": rules}
    as_they_are = folders if manifests is None else _TEXTS
    files = {f"{folder}/{name}": text for folder in as_they_are for name, text in folders[folder].items()}
    if manifests is not None:
        # Not in subfolders, where `kubectl apply -f` would not find them.
        files |= _OBJECTS[options.form](manifests.of_all(found["grafana"], rules))
    changes = write_folder(options.folder, files, force=options.force)
    counts = f"{len(found['grafana'])} boards, {len(rules)} files of rules and {len(found['runbooks'])} runbooks"
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
