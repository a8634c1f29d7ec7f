"""A label that exists only in the CRM is seen, and counted, with its contact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Agent, Contact, Team
from contacts.selectors.viewing import viewer_of
from contacts.services.channels import agent_named
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, LabelAssignment, LabelEvent
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors.feed import read_feed
from reports.selectors.home import read_tiles
from tests.api.conftest import client_of, rows
from tests.crm_labels import crm_channel, label_in_the_crm
from tests.factories import AgentFactory, UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
BUDI, SITI = "6281200000001", "6281200000002"


class Shops:
    """Two teams with a number each; Budi wrote to Sales, Siti to Grosir, and both have a label of the CRM alone."""

    def __init__(self) -> None:
        self.now = timezone.now() - timedelta(minutes=10)
        self.sales, self.grosir = Bridge(key="cs1", team="Sales"), Bridge(key="cs2", team="Grosir")
        for bridge, chat in ((self.sales, BUDI), (self.grosir, SITI)):
            bridge.save("1", "Prospek panas", at=self.now - timedelta(days=1))
            self.write(bridge, chat)
        self.budi, self.siti = (Contact.objects.get(phone=f"+{chat}") for chat in (BUDI, SITI))
        for contact in (self.budi, self.siti):
            label_in_the_crm(contact, self.now)

    def write(self, bridge: Bridge, chat: str) -> None:
        bridge.post("message", chat=chat, message={"id": f"m{chat}{bridge.channel.key}", "text": "halo"}, at=self.now)
        bridge.drain()

    def label(self, bridge: Bridge, chat: str) -> None:
        bridge.label("added", "1", chat, at=self.now)
        bridge.drain()

    @staticmethod
    def lead(*teams: str) -> User:
        made: User = UserFactory(role="cs_lead", teams=list(Team.objects.filter(name__in=teams)))
        return User.objects.get(pk=made.pk)


@pytest.fixture
def shops(_front_store: None) -> Shops:
    return Shops()


def labelled(viewer: Viewer) -> set[str]:
    """Who has a label that the viewer sees; events and intervals tell the same."""
    found = [set(model.objects.visible_to(viewer).values_list("contact__phone", flat=True)) for model in SEEN]
    assert found[0] == found[1]
    return {phone.removeprefix("+") for phone in found[0]}


SEEN: tuple[Any, ...] = (LabelAssignment, LabelEvent)


@pytest.mark.parametrize(
    ("teams", "seen"), [((), set()), (("Sales",), {BUDI}), (("Grosir",), {SITI}), (("Sales", "Grosir"), {BUDI, SITI})]
)
def test_a_label_of_the_crm_alone_is_seen_with_its_contact(shops: Shops, teams: tuple[str], seen: set[str]) -> None:
    assert labelled(viewer_of(shops.lead(*teams))) == seen
    assert labelled(Viewer(everything=True)) == {BUDI, SITI}


def test_a_cs_without_a_team_sees_the_labels_of_their_own_contacts(shops: Shops) -> None:
    cs: Agent = AgentFactory(team=None, user=UserFactory(role="cs"))
    assert labelled(viewer_of(cs.user)) == set()
    Contact.objects.filter(pk=shops.budi.pk).update(assigned_to=cs)
    assert labelled(viewer_of(User.objects.get(pk=cs.user.pk))) == {BUDI}


def test_a_team_sees_the_labels_of_contacts_that_its_cs_answer(shops: Shops) -> None:
    sales = Team.objects.get(name="Sales")
    Contact.objects.filter(pk=shops.siti.pk).update(assigned_to=agent_named("dewi", team=sales))
    assert labelled(viewer_of(shops.lead("Sales"))) == {BUDI, SITI}


def test_the_labels_of_an_archived_contact_stay_with_them(shops: Shops) -> None:
    Contact.objects.filter(pk=shops.budi.pk).update(deleted_at=shops.now)
    assert labelled(viewer_of(shops.lead("Sales"))) == {BUDI}


def test_the_list_of_whatsapp_labels_is_that_of_the_numbers_one_sees(shops: Shops) -> None:
    seen = ChannelLabel.objects.visible_to(viewer_of(shops.lead("Sales")))
    assert set(seen.values_list("channel__key", flat=True)) == {"cs1"}


def test_lists_of_the_api_have_the_label_with_its_contact(shops: Shops) -> None:
    lead = client_of(shops.lead("Sales"))
    (contact,) = rows(lead, "contacts", label="Grade A")
    assert [(label["name"], label["channel"]) for label in contact["labels"]] == [("Grade A", "crm")]
    assert [row["contact"] for row in rows(lead, "assignments")] == [shops.budi.pk]
    assert [row["contact"] for row in rows(lead, "label-events")] == [shops.budi.pk]


def test_the_home_page_counts_and_lists_it(shops: Shops) -> None:
    viewer = viewer_of(shops.lead("Sales")).sight
    tiles = read_tiles(viewer)
    assert (tiles.labelled, tiles.today.added, tiles.never_labelled) == (1, 1, 0)
    assert [row.event.contact_id for row in read_feed(viewer).rows] == [shops.budi.pk]


# -- Reports ----------------------------------------------------------------------------------------------------------


def added(viewer: Viewer, **given: str) -> dict[str, int]:
    """Spells that were put on in the last days, by label, as the report tells this viewer."""
    rows_of_report = parse_query(REPORTS["labels"], {"period": "last_7", **given}, viewer=viewer).rows
    return {row.name: row.added for row in rows_of_report if row.added}


def test_a_report_counts_it_for_every_team_that_labels_the_contact(shops: Shops) -> None:
    shops.label(shops.sales, BUDI)
    whole = {"Grade A": 2, "Prospek panas": 1}
    assert added(Viewer(everything=True)) == whole
    assert added(viewer_of(shops.lead("Sales"))) == added(Viewer(everything=True), channel="cs1")
    assert added(viewer_of(shops.lead("Sales"))) == {"Grade A": 1, "Prospek panas": 1}


def test_who_sees_two_teams_counts_it_once_of_a_contact_of_both(shops: Shops) -> None:
    for bridge in (shops.sales, shops.grosir):
        shops.label(bridge, BUDI)
    assert added(viewer_of(shops.lead("Sales", "Grosir"))) == {"Grade A": 1, "Prospek panas": 1}
    assert read_tiles(viewer_of(shops.lead("Sales", "Grosir")).sight).today.added == 3, "Siti's, who is in no report"


def test_the_channel_of_the_crm_is_nobodys(shops: Shops) -> None:
    assert viewer_of(shops.lead("Sales")).crm == crm_channel().pk
    assert crm_channel().pk not in viewer_of(shops.lead("Sales")).channels
