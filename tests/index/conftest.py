"""The wheel of the checkout, where pip finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from index.installing import built

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with it."""
    return built(tmp_path_factory.mktemp("wheels")).parent
