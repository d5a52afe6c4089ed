"""The files in `prometheus/`: recording rules and alerts as YAML that people can read."""

from __future__ import annotations

import re
from itertools import groupby
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Final

from source.alerts import ALERTS
from source.recording import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from source.alert import Alert
    from source.recording import Recording

__all__ = ("files",)

_HEADER: Final = """\
# Written by `python dashboards/generate.py` from dashboards/source/; do not edit.
# {about}
# Apache-2.0
"""

_LONG: Final = ("2h", "6h", "1d", "3d")
"""Windows that read many samples and change slowly: their groups have a separate interval."""

_LONG_INTERVAL: Final = "1m"
_WIDTH: Final = 110
_TEMPLATE: Final = re.compile("{{.*?}}")
_UNBROKEN: Final = "\0"
_PLAIN: Final = re.compile("/d/|runbooks/|[a-z0-9]+$")


def files() -> Mapping[str, str]:
    """By their names in `prometheus/`, the files as they must be."""
    return {
        "midstream-recording.yaml": _file(
            "Recording rules: load them with the alerts, which need them.",
            (
                _group(f"midstream-rates-{window}", map(_recording, rules), _LONG_INTERVAL if window in _LONG else None)
                for window, rules in RECORDINGS.items()
            ),
        ),
        "midstream-alerts.yaml": _file(
            "Alerts: each has a runbook and a board.",
            (
                _group(_group_name(name), map(_alert, alerts))
                for name, alerts in groupby(ALERTS, key=lambda alert: alert.name)
            ),
        ),
    }


def _file(about: str, groups: Iterable[str]) -> str:
    return _HEADER.format(about=about) + "groups:\n" + "\n".join(groups)


def _group_name(alert: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in alert).removeprefix("-")


def _group(name: str, rules: Iterable[str], interval: str | None = None) -> str:
    own = f"    interval: {interval}\n" if interval else ""
    return f"  - name: {name}\n{own}    rules:\n{''.join(indent(_item(rule), '      ') for rule in rules)}"


def _item(mapping: str) -> str:
    return "- " + indent(mapping, "  ").removeprefix("  ")


def _recording(rule: Recording) -> str:
    return "".join((f"record: {rule.record}\n", _expression(rule.expression)))


def _alert(alert: Alert) -> str:
    return "".join(
        (
            f"alert: {alert.name}\n",
            _expression(alert.expression),
            f"for: {alert.hold}\n",
            f"keep_firing_for: {alert.keep}\n" if alert.keep else "",
            "labels:\n",
            *_strings({"severity": alert.severity, **alert.labels}),
            "annotations:\n",
            *_strings(alert.annotations),
        )
    )


def _expression(expression: str) -> str:
    return f"expr: |-\n{indent(expression, '  ')}\n"


def _strings(mapping: Mapping[str, str]) -> Iterator[str]:
    for key, text in mapping.items():
        # A link stays in one line, for people put their own base in front of it.
        yield f"  {key}: {text}\n" if _PLAIN.match(text) else f"  {key}: >-\n{_folded(text)}\n"


def _folded(text: str) -> str:
    whole = _TEMPLATE.sub(lambda template: template[0].replace(" ", _UNBROKEN), text)
    lines = wrap(whole, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return indent("\n".join(lines).replace(_UNBROKEN, " "), "    ")
