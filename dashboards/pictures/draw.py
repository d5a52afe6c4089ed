"""Draws every board from live data with Grafana's own UI components, and writes docs/images/.

A Prometheus with midstream's rules scrapes `midstream demo --serve`. What it answers to the queries of the boards is
drawn in a headless Chromium. Ends with 1, and names board and panel, if a panel is empty, throws or cannot be drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pictures.asking import Json, ProblemError, Prometheus, Span, asks_prometheus
from pictures.live import prometheus_with_demo
from pictures.page import Page, built, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_BOARDS: Final = _REPOSITORY / "dashboards" / "grafana"
_IMAGES: Final = _REPOSITORY / "docs" / "images"
_THEMES: Final = ("dark", "light")
_WIDTH, _MARGIN, _HEADER, _ROW, _GAP = 1280, 16, 52, 30, 8
"""Of the page, in CSS pixels: see page.css and main.jsx."""
_SCALE: Final = 1.2
"""How many pixels of the picture one of them is."""
_MINUTE: Final = 60
_PATIENCE: Final = 180.0
_NEEDED: Final = ("prometheus", "chromium", "node", "npm")


def _height(board: Json) -> int:
    rows: int = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    return _HEADER + rows * (_ROW + _GAP) - _GAP + _MARGIN


def _shoot(url: str, board: Json, picture: Path, profile: Path) -> None:
    options = (
        "--headless=new",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-first-run",
        f"--user-data-dir={profile}",
        f"--window-size={_WIDTH},{_height(board)}",
        f"--force-device-scale-factor={_SCALE}",
        "--virtual-time-budget=20000",
        f"--screenshot={picture}",
    )
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # the sandbox is not for root
    command = ["chromium", *options, *root, url]
    picture.unlink(missing_ok=True)
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        message = f"{picture.name}: chromium was not done in {_PATIENCE:g} seconds"
        raise ProblemError(message) from None
    if not picture.exists():
        message = f"{picture.name}: chromium failed:\n{result.stderr}"
        raise ProblemError(message)


def _draw(boards: Sequence[Json], page: Page, prometheus: Prometheus, span: Span, images: Path) -> Iterator[str]:
    """Writes the pictures, and yields what is wrong with them."""
    with served(page) as url, tempfile.TemporaryDirectory() as profile:
        for board, theme in product(boards, _THEMES):
            page.show(
                {
                    "board": board,
                    "answers": prometheus.answers(board, span),
                    "from": span.start,
                    "to": span.end,
                    "theme": theme,
                    "width": _WIDTH - 2 * _MARGIN,
                }
            )
            picture = images / f"{board['uid']}-{theme}.png"
            _shoot(url, board, picture, Path(profile))
            print(picture, flush=True)
            for fault in page.faults:
                yield f"{picture.name}: {fault['panel'] or 'the board'}: {fault['message']}"


def _chosen(uids: Sequence[str]) -> list[Json]:
    every = (json.loads(path.read_text()) for path in sorted(_BOARDS.glob("*.json")))
    boards = {board["uid"]: board for board in every if asks_prometheus(board)}
    if unknown := [uid for uid in uids if uid not in boards]:
        message = f"no such board: {', '.join(unknown)}; there are {', '.join(boards) or 'none'}"
        raise ProblemError(message)
    return [boards[uid] for uid in uids or boards]


def _find_programs() -> None:
    if missing := [program for program in _NEEDED if shutil.which(program) is None]:
        message = f"not found: {', '.join(missing)}"
        raise ProblemError(message)


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draws every board from live data, and writes docs/images/.")
    parser.add_argument("board", nargs="*", help="the uid of a board to draw; without one, all of them")
    parser.add_argument("--minutes", type=float, default=10, help="how much time the pictures show (default: 10)")
    parser.add_argument("--prometheus", metavar="URL", help="take the data from there, and start nothing")
    parser.add_argument("--output", type=Path, default=_IMAGES, metavar="DIR", help="default: docs/images")
    return parser.parse_args()


def main() -> int:
    """The exit status: 1 if a picture is not as it should be."""
    wishes = _wishes()
    try:
        _find_programs()
        boards = _chosen(wishes.board)
        page = Page(built())
        wishes.output.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            if wishes.prometheus is None:
                prometheus = stack.enter_context(prometheus_with_demo(wishes.minutes))
            else:
                prometheus = Prometheus(wishes.prometheus)
            end = (int(time.time()) - _MINUTE // 2) // _MINUTE * _MINUTE + _MINUTE // 2  # no bar is cut in two
            span = Span(end - round(wishes.minutes * _MINUTE), end)
            faults = list(_draw(boards, page, prometheus, span, wishes.output))
    except ProblemError as problem:
        faults = [str(problem)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
