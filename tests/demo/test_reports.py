"""The reports and the home page over the demo's own data: they say what a slow look at every record says.

`make test-full` plays the demo whole, as `make demo` does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from contacts.models import Channel, Contact, Team
from demo.story import CONTACTS as ALL
from demo.story import SEED
from labelcrm.core import edits
from labelcrm.core.viewer import Viewer
from labels.models import StaleFlag
from labels.services import projections
from reports.selectors.home import read_tiles
from tests.api.conftest import client_of
from tests.demo.conftest import CONTACTS, Played, play
from tests.factories import UserFactory
from tests.reports.answers import disagreements, home_disagreements, slow_for
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(db: None) -> Played:
    """The demo, three of its contacts archived, and one of its numbers used by two people."""
    played = play(seed=SEED, contacts=ALL if is_full_run() else CONTACTS)
    for contact in Contact.objects.order_by("id")[:3]:
        with transaction.atomic():
            edits.archive(contact, actor=None, origin="test")
            projections.refresh([contact.pk])
    Channel.objects.filter(key="grosir").update(used_by_one=False)
    return played


def reader(client: APIClient) -> Any:
    def read(path: str, **parameters: Any) -> Any:
        response = client.get(path, parameters)
        assert response.status_code == 200, response.content
        return response.json()

    return read


def test_reports_and_home_say_what_every_record_says(shown: Played) -> None:
    ended = datetime.fromisoformat(shown.manifest.ended_at).astimezone(UTC)

    def ago(days: float) -> str:
        return (ended - timedelta(days=days)).isoformat()

    periods = [{"period": "last_90"}, {"period": "last_30"}, {"period": "today"}, {"from": ago(47.3), "to": ago(31.1)}]
    filters = [
        {},
        {"certain": "true"},
        {"channel": "tim-malam"},
        {"label": "Grade A"},
        {"team": Team.objects.get(name="Toko").pk},
        {"team": Team.objects.get(name="Toko").pk, "label": "Grade A", "certain": "true"},
    ]
    # Every period with the widest and the narrowest filter, and every filter; `make test-full` asks each with each.
    asked = [(periods, filters)] if is_full_run() else [(periods[2:], filters[::5]), (periods[:1], filters)]
    read = reader(client_of(UserFactory(role="analyst")))
    for during, filtered in asked:
        assert disagreements(read, during, filtered) == []
    everywhere = slow_for()
    assert home_disagreements(read_tiles(Viewer(everything=True)), everywhere) == []
    flagged = set(StaleFlag.objects.filter(contact__deleted_at=None).values_list("contact_id", "label_id"))
    assert flagged == everywhere.stale(StaleFlag.objects.latest("flagged_at").flagged_at)
