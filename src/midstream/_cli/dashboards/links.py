"""The links of the alerts: shipped as relative ones, exported as absolute ones if their base is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from midstream._cli.console.values import base_url

# An annotation in a file of rules, up to its value. Nothing else there looks like these.
_TO_BOARD: Final = re.compile(r"""^( +(?:dashboard|calls)_url: +["']?)(?=/d/)""", re.MULTILINE)
_TO_RUNBOOK: Final = re.compile(r"""^( +runbook_url: +["']?)(?=runbooks/)""", re.MULTILINE)

_SAFE: Final = re.compile(r"[\w.~:/!$&()*+,;=%\[\]-]+", re.ASCII)
"""What needs no escape in a YAML scalar, quoted or plain, nor in a Prometheus template."""

_EXPECTED: Final = (
    "an absolute http or https URL, such as https://example.com/path, "
    "without query, fragment, password, quotes and blanks"
)


@dataclass(frozen=True)
class Links:
    """The base URLs of the links to boards and to runbooks. `None` leaves them relative."""

    to_boards: str | None
    to_runbooks: str | None

    @classmethod
    def from_options(cls, grafana_url: str | None, runbook_url: str | None) -> Links:
        """Raises `Problem` for a URL that cannot be a base."""
        return cls(_checked("--grafana-url", grafana_url), _checked("--runbook-url", runbook_url))

    def added_to(self, rules: str) -> str:
        """Returns the text of a file of rules, `rules`, with these bases."""
        if self.to_boards is not None:
            rules = _TO_BOARD.sub(rf"\g<1>{self.to_boards}", rules)
        if self.to_runbooks is not None:
            rules = _TO_RUNBOOK.sub(rf"\g<1>{self.to_runbooks}/", rules)
        return rules


def _checked(option: str, url: str | None) -> str | None:
    return None if url is None else base_url(option, url, _EXPECTED, _SAFE)
