"""The staffed house of the tickets' tests, with a sweep that claims a few subjects at a time."""

from pathlib import Path

import pytest

from app.settings import Settings
from tests.conftest import make_settings
from tests.tickets.conftest import house  # noqa: F401 - a fixture


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, sweep_batch_max=3)
