"""What every browser test leaves behind it is put away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desk.home.live import live
from webhooks.receiver import store


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    """Live pages keep threads and connections; the test database cannot be dropped under them."""
    yield
    live.stop()
    store.pool.close()
