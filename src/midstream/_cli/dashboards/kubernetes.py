"""Boards and rules as Kubernetes objects: for Grafana's sidecar, and for the Prometheus operator.

The YAML is written as text, which saves a dependency.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from midstream._cli.console.problem import refuse
from midstream._version import __version__

_NAMESPACE: Final = re.compile(r"(?!.{64})[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL_KEY: Final = re.compile(
    r"((?!.{254})[a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?"  # the prefix, a DNS name
    r"(?!.{64})[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"(?!.{64})([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")

_EXPECTED_NAMESPACE: Final = (
    "must be the name of a namespace: 1 to 63 lower case letters, digits and -, with a letter or digit at both ends"
)
_EXPECTED_LABEL: Final = (
    "must be KEY=VALUE, such as release=prometheus, of letters, digits, - _ and ., up to 63 each; "
    "a prefix and / may stand before the key"
)

_LINE: Final = re.compile("^(?=.)", re.MULTILINE)  # not an empty one, which block scalars keep as it is

_OURS: Final = {"app.kubernetes.io/name": "midstream"}
_BOARD: Final = {**_OURS, "grafana_dashboard": "1"}  # the default of Grafana's sidecar


_BRACES: Final = re.compile("[{}]{2,}")  # mixed ones, too: a brace before an action would become a part of it
_KUSTOMIZATION: Final = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
"""
_CHART: Final = """\
apiVersion: v2
name: midstream-dashboards
description: Boards and rules of midstream
type: application
version: {version}
appVersion: {made_by}
"""


@dataclass(frozen=True)
class Manifests:
    """What the objects have in common."""

    namespace: str | None
    """`None`: the namespace in which they are applied."""
    labels: Mapping[str, str]
    """Additional labels for each object. They win over ours."""

    @classmethod
    def from_options(cls, namespace: str | None, labels: Iterable[str]) -> Manifests:
        """From labels as `KEY=VALUE`. Raises `Problem` for what Kubernetes would not accept."""
        if namespace is not None and not _NAMESPACE.fullmatch(namespace):
            refuse("--namespace", namespace, _EXPECTED_NAMESPACE)
        return cls(namespace, dict(map(_label, labels)))

    def of_all(self, boards: Mapping[str, str], rules: Mapping[str, str]) -> Mapping[str, str]:
        """By file name, the objects of these boards and files of rules."""
        return {
            **{_file("configmap", name): self.of_board(name, text) for name, text in boards.items()},
            **{_file("prometheusrule", name): self.of_rules(name, text) for name, text in rules.items()},
        }

    def of_board(self, file_name: str, board: str) -> str:
        """The ConfigMap whose one file is `board`."""
        head = self._head("v1", "ConfigMap", file_name, _BOARD)
        # In one line: objects have a limit, and half of a board are blanks.
        compact = json.dumps(json.loads(board), separators=(",", ":"), ensure_ascii=False)
        return f"{head}data:\n  {_quoted(file_name)}: |\n    {compact}\n"

    def of_rules(self, file_name: str, rules: str) -> str:
        """The PrometheusRule whose spec is `rules`."""
        head = self._head("monitoring.coreos.com/v1", "PrometheusRule", file_name, _OURS)
        return f"{head}spec:\n{_LINE.sub(' ' * 2, rules)}"

    def _head(self, version: str, kind: str, file_name: str, labels: Mapping[str, str]) -> str:
        lines = [f"apiVersion: {version}", f"kind: {kind}", "metadata:", f"  name: {file_name.rpartition('.')[0]}"]
        if self.namespace is not None:
            lines.append(f"  namespace: {_quoted(self.namespace)}")
        lines.append("  labels:")
        lines.extend(f"    {_quoted(key)}: {_quoted(value)}" for key, value in {**labels, **self.labels}.items())
        return "".join(f"{line}\n" for line in lines)


def _file(kind: str, file_name: str) -> str:
    return f"{kind}-{file_name.rpartition('.')[0]}.yaml"


def as_kustomization(files: Mapping[str, str]) -> Mapping[str, str]:
    """`files`, manifests by name, with the list of them that Kustomize reads."""
    names = "".join(f"  - {name}\n" for name in sorted(files))
    return {**files, "kustomization.yaml": _KUSTOMIZATION + names}


def as_chart(files: Mapping[str, str]) -> Mapping[str, str]:
    """`files`, manifests by name, as templates of a Helm chart. Helm leaves the templates of Prometheus as they are."""
    version = ".".join(__version__.split(".")[:3])
    chart = _CHART.format(version=version, made_by=_quoted(__version__))
    return {"Chart.yaml": chart, **{f"templates/{name}": _escaped(text) for name, text in files.items()}}


def _escaped(text: str) -> str:
    return _BRACES.sub(lambda braces: f'{{{{ "{braces[0]}" }}}}', text)


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (equals and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)):
        refuse("--label", text, _EXPECTED_LABEL)
    return key, value


def _quoted(text: str) -> str:
    return json.dumps(text)  # a YAML string, also where the text looks like a number or a boolean
