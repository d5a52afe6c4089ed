"""Figures in words, for every form of output."""

from __future__ import annotations

from midstream._cli.watch.distribution import Distribution
from midstream._cli.watch.tally import FLAGS, Figures
from midstream._outcomes.vocabulary import Outcome


def plural(number: int, thing: str) -> str:
    """`1 call`, `2 calls`, `3 processes`."""
    ending = "" if number == 1 else "es" if thing.endswith("s") else "s"
    return f"{number:,} {thing}{ending}"


def percent(share: float | None) -> str:
    """`97.5 %`; `100 %` only for all, and `0 %` only for none."""
    if share is None:
        return "-"
    if share in {0, 1}:
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.1), 99.9):.1f} %"


def first_chunk(found: Distribution) -> str:
    """The time to the first chunk, as exactly as it is known."""
    median, most = found.quantile(0.5), found.quantile(0.95)
    if median is not None and most is not None:
        return f"half within {median:.2f} s, 95 % within {most:.2f} s"
    return "-" if found.mean is None else f"{found.mean:.2f} s on average"


def totals(figures: Figures) -> str:
    """Calls, open streams and tokens in one line."""
    lost = f", {figures.lost_streams:,} lost with their process" if figures.lost_streams else ""
    streams = plural(figures.open_streams, "open stream")
    tokens = f"{figures.input_tokens:,} tokens in, {figures.output_tokens:,} out"
    return f"{plural(figures.count(), 'call')}, {streams}{lost}, {tokens}"


def flags(figures: Figures, outcome: Outcome) -> str:
    """How many calls with this outcome are leaked, misreported and corrected."""
    ended = [(kind, number) for kind, number in figures.causes.items() if kind.outcome is outcome]
    counts = {flag: sum(number for kind, number in ended if getattr(kind, flag)) for flag in FLAGS}
    return ", ".join(f"{number:,} {flag}" for flag, number in counts.items() if number)
