"""Draw what a terminal shows of real runs: docs/images/demo.svg and docs/images/watch.svg.

Of the demo, only the pace is drawn: the command appears letter by letter, and then the output line by line. Of
`midstream watch`, one of the screens that it drew.
"""

from __future__ import annotations

import io
import re
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from support.terminal import in_terminal

IMAGES: Final = Path(__file__).parent / "images"
DEMO_COLUMNS: Final = 96
WATCH_COLUMNS: Final = 106
WATCH_LINES: Final = 30

DEMO: Final = "midstream demo --only in_band:overloaded_error --only reset --only cut"
WATCH: Final = """\
midstream faults --mix in_band=6%,cut=5%,reset=5% --latency first=200ms..900ms -- \\
    midstream watch --quiet -- python app.py"""

_APP: Final = """
import threading, time
import anthropic

client = anthropic.Anthropic(max_retries=0)
question = {"role": "user", "content": "Is all well?"}

def ask():
    while True:
        try:
            with client.messages.stream(model="claude-sonnet-5", max_tokens=64, messages=[question]) as stream:
                for _ in stream.text_stream:
                    time.sleep(0.1)
        except Exception:
            pass

for _ in range(6):
    threading.Thread(target=ask, daemon=True).start()
time.sleep(600)
"""
_FAILURES: Final = ("in_band_error", "truncated", "transport_error")
_OPEN: Final = re.compile(r"^(?:[4-9]\d|\d{3}) calls, [3-9] open streams", re.MULTILINE)

_TYPED_SECONDS: Final = 1.6
_LINE_SECONDS: Final = 0.12
_SHOW_CURSOR: Final = "\x1b[?25h"
"""Written when the progress bar is gone."""


def demo() -> str:
    """What the demo writes, without its progress bar."""
    with in_terminal(sys.executable, "-m", *DEMO.split(), COLUMNS=str(DEMO_COLUMNS)) as terminal:
        if terminal.end():
            sys.exit("the demo failed")
        return terminal.written.rpartition(_SHOW_CURSOR)[2].replace("\r", "").strip("\n")


def watched() -> str:
    """A screen with open streams, below which the last failures are of every kind."""

    def is_wanted(screen: str) -> bool:
        _, _, below = screen.partition("time to the first chunk")
        return bool(_OPEN.search(screen)) and all(f" {kind} claude" in below for kind in _FAILURES)

    programs = {"PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    with TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(_APP, encoding="utf-8")
        command = ("/bin/sh", "-c", f"cd {folder} && exec {WATCH}")
        with in_terminal(*command, **programs, COLUMNS=str(WATCH_COLUMNS), LINES=str(WATCH_LINES)) as terminal:
            screen = terminal.wait_for_drawn(is_wanted)
            terminal.press("\x03")
            terminal.end()
    return screen.replace("\r", "").strip("\n") + "\n "  # fonts differ in how far letters reach below the last line


def drawn(name: str, columns: int, command: str, output: str) -> str:
    """The picture `name` of a terminal with so many `columns`, in which `command` writes `output`."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(f"$ {command}", markup=False, highlight=False)
    console.print(Text.from_ansi(output))
    picture = console.export_svg(title=f"midstream {name}", theme=MONOKAI, unique_id=name)
    return re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)  # nothing is fetched from elsewhere


def animated(name: str, picture: str) -> str:
    """`picture`, whose lines appear one after the other."""
    style = (
        "@keyframes typed { from { clip-path: inset(0 100% 0 0) } to { clip-path: inset(0) } }\n"
        "@keyframes shown { from { opacity: 0 } to { opacity: 1 } }\n"
        f".line-0 {{ animation: typed {_TYPED_SECONDS}s steps(60) both }}\n"
    )
    lines = sorted({int(number) for number in re.findall(rf"url\(#{name}-line-(\d+)\)", picture)})
    for line in lines[1:]:
        style += f".line-{line} {{ animation: shown 0s {_TYPED_SECONDS + 0.4 + line * _LINE_SECONDS:.2f}s both }}\n"
    style = f"@media (prefers-reduced-motion: no-preference) {{\n{style}}}\n"
    of_line = rf'(<(?:text|rect) class=")([^"]*"[^>]*url\(#{name}-line-(\d+)\))'
    return re.sub(of_line, r"\1line-\3 \2", picture).replace("</style>", f"{style}</style>", 1)


def main() -> None:
    """Run both, and draw them."""
    pictures = {
        "demo": animated("demo", drawn("demo", DEMO_COLUMNS, DEMO, demo())),
        "watch": drawn("watch", WATCH_COLUMNS, WATCH, watched()),
    }
    for name, picture in pictures.items():
        (IMAGES / f"{name}.svg").write_text(picture, encoding="utf-8")
        print(f"wrote docs/images/{name}.svg")


if __name__ == "__main__":
    main()
