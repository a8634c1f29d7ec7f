"""Reports are tested on what came through the front door."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from tests.webhooks.conftest import _front_store as _front_store


@pytest.fixture(autouse=True, scope="session")
def _static_root_exists() -> None:
    """WhiteNoise warns without it, and warnings are errors here."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
