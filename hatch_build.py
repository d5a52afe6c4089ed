"""What the package index shows: the README with absolute links and pictures, and the project's URLs.

All of them start with `repository` in pyproject.toml, the one place that has the address.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("ProjectAddress", "absolute", "urls")

_PICTURE: Final = re.compile(
    r'(?<=src=")(?!https?:)[^"]+|(?<=srcset=")(?!https?:)[^"]+|(?<=\]\()[^()\s]+\.(?:svg|png)(?=\))'
)
_LINK: Final = re.compile(r'(?<=\]\()(?!https?:|mailto:)[^()\s]+(?=\))|(?<=href=")(?!https?:)[^"]+')


def urls(repository: str, version: str) -> dict[str, str]:
    """The project's URLs, by their label on the index."""
    pages = f"{repository}/blob/v{version}"
    return {
        "Homepage": repository,
        "Documentation": f"{pages}/README.md#more",
        "Changelog": f"{pages}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Source": repository,
    }


def absolute(text: str, repository: str, version: str) -> str:
    """`text` of the README with every link and picture as a URL of the tag of `version`."""

    def under(view: str) -> Callable[[re.Match[str]], str]:
        return lambda found: f"{repository}/{view}/v{version}/{_path(found[0])}"

    return _LINK.sub(under("blob"), _PICTURE.sub(under("raw"), text))


def _path(link: str) -> str:
    return f"README.md{link}" if link.startswith("#") else link


class ProjectAddress(MetadataHookInterface):
    """Adds both to the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the fields `readme` and `urls`."""
        config: dict[str, str] = self.config  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped there
        repository, version = config["repository"], metadata["version"]
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(readme, repository, version)}
        metadata["urls"] = urls(repository, version)
