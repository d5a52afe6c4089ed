"""Boards and rules as Kubernetes objects: for Grafana's sidecar, and for the Prometheus operator.

The YAML is written as text, which saves a dependency. The content of an object is indented and not changed otherwise.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from midstream._cli.console.problem import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_NAMESPACE: Final = re.compile(r"(?!.{64})[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL_KEY: Final = re.compile(
    r"((?!.{254})[a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?"  # the prefix, a DNS name
    r"(?!.{64})[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"(?!.{64})([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")

_LINE: Final = re.compile("^(?=.)", re.MULTILINE)  # not an empty one, which block scalars keep as it is

_OURS: Final = {"app.kubernetes.io/name": "midstream"}
_BOARD: Final = {**_OURS, "grafana_dashboard": "1"}  # the default of Grafana's sidecar


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
            message = (
                f"--namespace {shown(namespace)}: must be the name of a namespace: "
                "1 to 63 lower case letters, digits and -, with a letter or digit at both ends"
            )
            raise Problem(message)
        return cls(namespace, dict(map(_label, labels)))

    def of_board(self, file_name: str, board: str) -> str:
        """The ConfigMap whose one file is `board`."""
        head = self._head("v1", "ConfigMap", file_name, _BOARD)
        return f"{head}data:\n  {_quoted(file_name)}: |\n{_LINE.sub(' ' * 4, board)}"

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


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if equals and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value):
        return key, value
    message = (
        f"--label {shown(text)}: must be KEY=VALUE, such as release=prometheus, "
        "of letters, digits, - _ and ., up to 63 each; a prefix and / may stand before the key"
    )
    raise Problem(message)


def _quoted(text: str) -> str:
    return json.dumps(text)  # a YAML string, also where the text looks like a number or a boolean
