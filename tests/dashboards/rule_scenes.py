"""For each alert: scenes in which it fires, and scenes in which it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards import rule_scenes_fleet, rule_scenes_pages, rule_scenes_shares, rule_scenes_tickets

if TYPE_CHECKING:
    from dashboards.promtool import Scene

__all__ = ("FIRES", "SILENT")

_ALL = (rule_scenes_fleet, rule_scenes_pages, rule_scenes_shares, rule_scenes_tickets)

FIRES: Final[tuple[Scene, ...]] = tuple(scene for scenes in _ALL for scene in scenes.FIRES)
SILENT: Final[tuple[Scene, ...]] = tuple(scene for scenes in _ALL for scene in scenes.SILENT)
