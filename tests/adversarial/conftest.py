"""Whatever a case does to us, what is derived must follow from what was recorded when it is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labels.services.rebuilding import rebuild
from tests.webhooks.conftest import _front_store  # noqa: F401 - the receiver on the test's connection, for every test


@pytest.fixture(autouse=True)
def _rebuilding_finds_nothing(db: None) -> Iterator[None]:
    yield
    assert rebuild(write=False) == 0
