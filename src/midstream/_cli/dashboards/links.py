"""The links of the alerts: relative as they are shipped, absolute when they are exported with a base."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from midstream._cli.console.problem import Problem, shown

_TO_BOARD: Final = re.compile(r"""^( +dashboard_url: +["']?)(?=/d/)""", re.MULTILINE)
_TO_RUNBOOK: Final = re.compile(r"""^( +runbook_url: +["']?)(?=runbooks/)""", re.MULTILINE)
"""An annotation in a file of rules, up to its value. Nothing else there looks like these two."""

_BASE: Final = re.compile(r"(?i:https?)://[\w.~:/!$&()*+,;=%\[\]-]+", re.ASCII)
"""What stands in a quoted or a plain YAML scalar as it is, and in a template of Prometheus'."""


@dataclass(frozen=True)
class Links:
    """What is put before the links to boards and to runbooks. `None` leaves them relative."""

    to_boards: str | None
    to_runbooks: str | None

    @classmethod
    def below(cls, *, grafana_url: str | None, runbook_url: str | None) -> Links:
        """Links below these bases. Raises `Problem` for one that is none."""
        return cls(_checked("--grafana-url", grafana_url), _checked("--runbook-url", runbook_url))

    def put_into(self, rules: str) -> str:
        """The text of a file of rules, with these bases."""
        if self.to_boards is not None:
            rules = _TO_BOARD.sub(rf"\g<1>{self.to_boards}", rules)
        if self.to_runbooks is not None:
            rules = _TO_RUNBOOK.sub(rf"\g<1>{self.to_runbooks}/", rules)
        return rules


def _checked(option: str, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = bool(_BASE.fullmatch(url)) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable:
        return url.rstrip("/")
    message = (
        f"{option} {shown(url)}: must be an absolute http or https URL, such as https://example.com/path, "
        "without query, fragment, password, quotes and blanks"
    )
    raise Problem(message)
