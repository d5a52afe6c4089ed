"""Draw docs/images/demo.svg: a terminal in which `midstream demo` is typed and runs. The output comes from a real run.

Only the pace is drawn: the command appears letter by letter, and then the output line by line.
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE: Final = Path(__file__).parent / "images" / "demo.svg"

COMMAND: Final = ("midstream", "demo", "--only", "in_band:overloaded_error", "--only", "reset", "--only", "cut")
COLUMNS: Final = 96

_TYPED_SECONDS: Final = 1.6
_LINE_SECONDS: Final = 0.12
_SHOW_CURSOR: Final = "\x1b[?25h"
"""Written when the progress bar is gone."""


def _output() -> str:
    """What the command writes to a terminal, without its progress bar."""
    written: list[bytes] = []

    def read(terminal: int) -> bytes:
        written.append(os.read(terminal, 65_536))
        return b"\n"  # what pty copies to stdout; empty is the end

    os.environ.update(COLUMNS=str(COLUMNS), TERM="xterm-256color")
    if pty.spawn((sys.executable, "-m", "midstream._cli", *COMMAND[1:]), read):
        sys.exit("the demo failed")
    return b"".join(written).decode().rpartition(_SHOW_CURSOR)[2].replace("\r", "").strip("\n")


def _drawn(output: str) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(f"$ {' '.join(COMMAND)}", markup=False, highlight=False)
    console.print(Text.from_ansi(output))
    return console.export_svg(title="midstream demo", theme=MONOKAI, unique_id="demo")


def _animated(picture: str) -> str:
    """`picture`, whose lines appear one after the other."""
    style = (
        "@keyframes typed { from { clip-path: inset(0 100% 0 0) } to { clip-path: inset(0) } }\n"
        "@keyframes shown { from { opacity: 0 } to { opacity: 1 } }\n"
        f".line-0 {{ animation: typed {_TYPED_SECONDS}s steps(60) both }}\n"
    )
    lines = sorted({int(number) for number in re.findall(r"url\(#demo-line-(\d+)\)", picture)})
    for line in lines[1:]:
        style += f".line-{line} {{ animation: shown 0s {_TYPED_SECONDS + 0.4 + line * _LINE_SECONDS:.2f}s both }}\n"
    style = f"@media (prefers-reduced-motion: no-preference) {{\n{style}}}\n"
    named = re.sub(r'(<(?:text|rect) class=")([^"]*"[^>]*url\(#demo-line-(\d+)\))', r"\1line-\3 \2", picture)
    named = re.sub(r"@font-face \{.*?\}\n", "", named, flags=re.DOTALL)  # nothing is fetched from elsewhere
    return named.replace("</style>", f"{style}</style>", 1)


def main() -> None:
    """Run the demo, and draw it."""
    PICTURE.write_text(_animated(_drawn(_output())), encoding="utf-8")
    print(f"wrote docs/images/{PICTURE.name}")


if __name__ == "__main__":
    main()
