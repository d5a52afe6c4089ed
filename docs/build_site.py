"""Build the site from the pages of the repository, and check every link in it: `make site`.

Warnings are errors. The pages keep their places, so that the links between them work in both; a link to anything else
in the repository leads to its address.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from project import REPOSITORY, ROOT

PAGES: Final = ("*.md", "docs/*.md", "examples/**/*.md", "dashboards/**/*.md", "registry/*.md", "tests/README.md")
PICTURES: Final = ("docs/images/*",)
SOURCE: Final = ROOT / ".venv" / "site-pages"
BUILT: Final = ROOT / "site"

_MODULES: Final = ("midstream", "midstream.faults", "midstream.testing")
_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^()\s#]+)(?=[#)])")


def _kept() -> dict[str, Path]:
    """The files of the site, by their path in the repository."""
    found = (path for pattern in (*PAGES, *PICTURES) for path in ROOT.glob(pattern))
    return {path.relative_to(ROOT).as_posix(): path for path in found if "node_modules" not in path.parts}


def _stage() -> None:
    shutil.rmtree(SOURCE, ignore_errors=True)
    kept = _kept()
    for name, path in kept.items():
        target = SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            target.write_text(_linked(name, path.read_text(encoding="utf-8"), kept), encoding="utf-8")
        else:
            shutil.copy(path, target)
    for module in _MODULES:
        target = SOURCE / "api" / f"{module}.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text(_reference(module), encoding="utf-8")


def _reference(module: str) -> str:
    """The page of a public module: its summary, and each public name with its docstrings."""
    tree = ast.parse(Path(ROOT / "src" / module.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    summary = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    (names,) = (
        ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"
    )
    public = "".join(f"\n::: {module}.{name}\n" for name in names if not name.startswith("_"))
    return f"# `{module}`\n\n{summary}\n{public}"


def _linked(page: str, text: str, kept: dict[str, Path]) -> str:
    """`text` of `page`, where a link to what the site does not have leads to the repository."""

    def target(found: re.Match[str]) -> str:
        path = (ROOT / page).parent.joinpath(found[1]).resolve()
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else found[1]
        if f"{name}/README.md" in kept:
            return f"{found[1].rstrip('/')}/README.md"
        return found[1] if name in kept else f"{REPOSITORY}/blob/main/{name}"

    return _LINK.sub(target, text)


class _Page(HTMLParser):
    """The links and the anchors of a built page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag refers to, and what it can be referred to by."""
        del tag
        for name, value in attrs:
            if name in {"href", "src", "srcset"} and value:
                self.links.append(value)
            elif name in {"id", "name"} and value:
                self.anchors.add(value)


def _dead() -> Iterator[str]:
    pages = {path.resolve(): _Page(path) for path in BUILT.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            target = target / "index.html" if target.is_dir() else target
            known = target in pages and anchor in pages[target].anchors
            if not target.exists() or (anchor and not known):
                yield f"{path.relative_to(BUILT)}: {link}"


def main() -> int:
    """Return the exit status."""
    _stage()
    build = (sys.executable, "-m", "mkdocs", "build", "--strict", "--clean")
    if subprocess.run((*build, "--site-dir", str(BUILT)), cwd=ROOT, check=False).returncode:
        return 1
    dead = sorted(set(_dead()))
    print(*(f"dead link in {link}" for link in dead), sep="\n", end="\n" if dead else "")
    print(f"built {BUILT.relative_to(ROOT)}/index.html")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
