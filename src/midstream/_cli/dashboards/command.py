"""`midstream dashboards export`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from midstream._cli.console.new_folder import write_folder
from midstream._cli.console.problem import Problem, shown
from midstream._cli.dashboards.kubernetes import Manifests
from midstream._cli.dashboards.links import Links
from midstream._cli.dashboards.settings import BoardSettings
from midstream._cli.dashboards.shipped import made, shipped


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

    def links(self) -> Links:
        """The links of the alerts. Raises `Problem` for a URL that cannot be a base."""
        return Links.from_options(self.grafana_url, self.runbook_url)

    def settings(self) -> BoardSettings:
        """What boards and rules are made with. Raises `Problem` for a value that cannot be used."""
        return BoardSettings.from_options(self.by, self.objective, self.window)

    def manifests(self) -> Manifests | None:
        """What Kubernetes objects have in common; `None` for plain files. Raises `Problem` if options do not fit."""
        if self.form == "kubernetes":
            return Manifests.from_options(self.namespace, self.labels)
        for option, value in [("--namespace", self.namespace), *(("--label", label) for label in self.labels)]:
            if value is not None:
                message = f"{option} {shown(value)}: is for --format kubernetes only"
                raise Problem(message)
        return None


def run(options: ExportOptions) -> None:
    """Exports boards, rules and runbooks. Raises `Problem` if it cannot."""
    links, manifests, settings = options.links(), options.manifests(), options.settings()
    found = shipped() if settings == BoardSettings() else made(settings)
    boards, rules = found.boards, {name: links.added_to(text) for name, text in found.rules.items()}
    files = {f"runbooks/{name}": text for name, text in found.runbooks.items()}
    files |= {f"alertmanager/{name}": text for name, text in found.alertmanager.items()}
    if manifests is None:
        files |= {f"grafana/{name}": text for name, text in boards.items()}
        files |= {f"prometheus/{name}": text for name, text in rules.items()}
    else:
        # Not in subfolders, where `kubectl apply -f` would not find them.
        files |= {_yaml("configmap", name): manifests.of_board(name, text) for name, text in boards.items()}
        files |= {_yaml("prometheusrule", name): manifests.of_rules(name, text) for name, text in rules.items()}
    write_folder(options.folder, files)
    counts = f"{len(boards)} boards, {len(rules)} files of rules and {len(found.runbooks)} runbooks"
    click.echo(f"Wrote {counts} to {shown(options.folder)}.")


def _yaml(kind: str, file_name: str) -> str:
    return f"{kind}-{file_name.rpartition('.')[0]}.yaml"
