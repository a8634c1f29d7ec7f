"""What tests of the home page share: a company of two teams, and no live thread left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.models import Team
from desk.home.live import live
from desk.home.page import Audience, tiles_html
from desk.home.todos import RIGHTS
from labelcrm.core.roles import PERMISSIONS, covers
from labelcrm.core.viewer import Viewer
from tests.factories import UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.conftest import rows_of_the_file as rows_of_the_file
from tests.webhooks.generic import Bridge


@pytest.fixture(autouse=True)
def _nothing_lives_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("desk.home.live.DEAR_SECONDS", 60.0)  # a busy machine must not make readings old
    live.stop()
    tiles_html.cache_clear()  # keeps what it wrote under one setting
    yield
    live.stop()


def reader(viewer: Viewer, language: str = "en", *, role: str = "owner") -> Audience:
    """Who reads in a language what this viewer sees, with the rights of a role."""
    rights = frozenset(right for right in RIGHTS if covers(PERMISSIONS[role], right))
    return Audience.of(replace(viewer, language=language, rights=rights))


class Company:
    """Two teams with a number each, and people who see one or both."""

    def __init__(self) -> None:
        self.sales = Bridge(key="cs-rina", name="CS Rina", agent="rina", team="Sales")
        self.support = Bridge(key="cs-budi", name="CS Budi", agent="budi", team="Support")
        self.owner = UserFactory(role="owner", username="owner", teams=[])
        self.lead = UserFactory(role="cs_lead", username="lead", teams=[Team.objects.get(name="Sales")])

    def label(self, bridge: Bridge, label: str, chat: str, *, on: bool = True, ago: float = 0) -> None:
        """Put a label on or take it off `ago` minutes ago, and have it processed."""
        at = timezone.now() - timedelta(minutes=ago)
        bridge.label("added" if on else "removed", label, chat, at=at)
        bridge.drain()

    def name(self, bridge: Bridge, label: str, name: str) -> None:
        bridge.save(label, name, at=timezone.now() - timedelta(days=400))
        bridge.drain()

    def message(self, bridge: Bridge, chat: str, *, ago: float) -> None:
        at = timezone.now() - timedelta(minutes=ago)
        bridge.post("message", chat=chat, message={"id": f"m{chat}{ago}", "text": "Halo", "from_me": False}, at=at)
        bridge.drain()


@pytest.fixture
def company(db: None) -> Company:
    return Company()
