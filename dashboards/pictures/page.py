"""The page that draws a board, and what serves it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pictures.asking import Json, ProblemError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ("Page", "built", "served")

_HERE: Final = Path(__file__).resolve().parent
_BUILD: Final = _HERE.parents[1] / ".venv" / "pictures"
_PACKAGES: Final = _BUILD / "node_modules"
_WWW: Final = _BUILD / "www"
_HOST: Final = "127.0.0.1"


def built() -> Mapping[str, Path]:
    """By the beginning of a path, the folder with its files: the page, and what Grafana's components ask for."""
    _BUILD.mkdir(parents=True, exist_ok=True)
    with (_BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes would leave half of the packages
        _install()
        _bundle()
    return {
        "/public/fonts/inter/": _PACKAGES / "inter-ui" / "web",
        "/public/build/img/": _PACKAGES / "@grafana" / "ui" / "dist" / "public" / "img",
        "/": _WWW,
    }


def _install() -> None:
    pins = {name: (_HERE / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc")}
    wanted = hashlib.sha256(b"".join(pins.values())).hexdigest()
    installed = _PACKAGES / ".installed"  # goes with the packages, which npm removes first
    if installed.exists() and installed.read_text() == wanted:
        return
    print("Installing the npm packages.", flush=True)
    for name, content in pins.items():
        (_BUILD / name).write_bytes(content)
    _run("npm", "ci", "--prefer-offline", "--loglevel=error")
    installed.write_text(wanted)


def _bundle() -> None:
    _run(
        str(_PACKAGES / ".bin" / "esbuild"),
        str(_HERE / "main.jsx"),
        "--bundle",
        "--minify",
        "--log-level=warning",
        "--jsx=automatic",
        "--loader:.ttf=empty",  # the icons of an editor that no panel shows
        '--define:process.env.NODE_ENV="production"',
        "--define:global=window",
        f"--outfile={_WWW / 'main.js'}",
    )
    for name in ("index.html", "page.css"):
        shutil.copy(_HERE / name, _WWW / name)


def _run(*command: str) -> None:
    environment = {**os.environ, "NODE_PATH": str(_PACKAGES)}  # the sources stand elsewhere
    result = subprocess.run(command, cwd=_BUILD, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        message = f"{' '.join(command[:2])} failed:\n{result.stderr or result.stdout}"
        raise ProblemError(message)


@dataclass
class Page:
    """What the browser asks for, and what it says."""

    folders: Mapping[str, Path]
    data: Json = field(default_factory=dict[str, Any])
    faults: list[Json] = field(default_factory=list[Json])
    """What is wrong with the panels, each with `panel`, its title, and `message`."""

    def show(self, data: Json) -> None:
        """From now on the page is about this."""
        self.data = data
        self.faults = [{"panel": "", "message": "was not drawn in time"}]

    def file(self, path: str) -> Path | None:
        """The file of the first folder whose prefix `path` has."""
        for prefix, folder in self.folders.items():
            if path.startswith(prefix):
                found = (folder / path.removeprefix(prefix)).resolve()
                return found if found.is_file() and found.is_relative_to(folder.resolve()) else None
        return None


_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class _Handler(BaseHTTPRequestHandler):
    page: ClassVar[Page]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/data.json":
            self._send(json.dumps(self.page.data).encode(), "application/json")
        elif file := self.page.file("/index.html" if path == "/" else path):
            self._send(file.read_bytes(), _TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        self.page.faults = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(b"", "text/plain")

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing: the browser says what is wrong."""


@contextmanager
def served(page: Page) -> Generator[str]:
    """The address of the page."""
    handler = type("Handler", (_Handler,), {"page": page})
    with ThreadingHTTPServer((_HOST, 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{_HOST}:{server.server_port}/"
        finally:
            server.shutdown()
