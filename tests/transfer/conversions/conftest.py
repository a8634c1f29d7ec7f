from __future__ import annotations

from typing import Any

import pytest

from tests.factories import TeamFactory, UserFactory
from tests.transfer.conversions.ads import AdShop


@pytest.fixture
def shop(db: None) -> AdShop:
    return AdShop(team=TeamFactory(name="Sales"))


@pytest.fixture
def marketer(db: None) -> Any:
    return UserFactory(role="marketing", language="en")
