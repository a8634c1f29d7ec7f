"""The page that hands over what a CS has open: who may, what it does, and what is said afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from contacts.models import Agent, ChannelOwnership, Contact
from desk.people import handover
from labels.models import Handover
from tests.desk.conftest import Shop
from tests.desk.labels.test_stale_labels import ClientOf
from tests.factories import AgentFactory, UserFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_page_waits_for_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none here, and it would wait three seconds for what `do_work` does."""
    monkeypatch.setattr(handover, "AT_ONCE", 0.01)


@pytest.fixture
def dewi(shop: Shop) -> Agent:
    found: Agent = AgentFactory(name="Dewi", team=shop.team)
    return found


def hand_over(client: Client, shop: Shop, *receivers: Agent, **given: Any) -> Any:
    asked = {"receivers": [agent.pk for agent in receivers], "note": "", **given}
    return client.post(f"/admin/handovers/of/{shop.agent.pk}/", asked)


def assigned(shop: Shop, count: int = 3) -> list[Contact]:
    found = [shop.contact(name=f"Pembeli {n}", assigned_to=shop.agent) for n in range(count)]
    Contact.objects.update(follow_up_at="2026-01-01T00:00Z")
    return found


def test_a_lead_gives_everything_to_one_cs_and_reads_what_became_of_it(
    client_of: ClientOf, shop: Shop, dewi: Agent
) -> None:
    assigned(shop)
    client = client_of("cs_lead", shop)
    page = client.get(f"/admin/handovers/of/{shop.agent.pk}/").content.decode()
    assert "has 3 contacts with something open" in page
    answer = hand_over(client, shop, dewi, note="Titip ya")
    handover = Handover.objects.get()
    assert answer.url == f"/admin/handovers/{handover.pk}/"
    do_work()
    assert set(Contact.objects.values_list("assigned_to", flat=True)) == {dewi.pk}
    told = client.get(answer.url).content.decode()
    assert f"Of {shop.agent.name}’s 3 open contacts: 3 still untouched, 0 won." in told
    assert "Titip ya" in told
    assert "Undo the handover" in told
    assert client.get("/admin/handovers/").content.decode().count(answer.url) == 1


def test_undoing_from_the_page_gives_the_contacts_back(client_of: ClientOf, shop: Shop, dewi: Agent) -> None:
    assigned(shop)
    client = client_of("owner")
    address = hand_over(client, shop, dewi).url
    do_work()
    client.post(f"{address}undo/")
    do_work()
    assert set(Contact.objects.values_list("assigned_to", flat=True)) == {shop.agent.pk}
    assert "It was undone." in client.get(address).content.decode()


def test_a_number_goes_to_the_cs_who_is_chosen_for_it(client_of: ClientOf, shop: Shop, dewi: Agent) -> None:
    assigned(shop, 1)
    held = ChannelOwnership.objects.get(agent=shop.agent)
    hand_over(client_of("owner"), shop, dewi, **{f"number_{held.pk}": dewi.pk})
    do_work()
    assert ChannelOwnership.objects.get(until=None).agent == dewi
    assert shop.agent.ownerships.get().until is not None


@pytest.mark.parametrize(
    "given", [{"receivers": []}, {"receivers": ["x"]}, {"receivers": ["99999999999999999999"]}, {"since": "yesterday"}]
)
def test_what_cannot_be_meant_changes_nothing_and_is_said(
    client_of: ClientOf, shop: Shop, dewi: Agent, given: dict[str, Any]
) -> None:
    assigned(shop)
    page = hand_over(client_of("owner"), shop, dewi, **given)
    assert page.status_code == 200
    assert "lc-error" in page.content.decode() or "errorlist" in page.content.decode()
    assert not Handover.objects.exists()


def test_others_neither_see_nor_give_away(client_of: ClientOf, shop: Shop, other_shop: Shop, dewi: Agent) -> None:
    assigned(shop)
    stranger = client_of("cs_lead", other_shop)
    assert stranger.get(f"/admin/handovers/of/{shop.agent.pk}/").status_code == 404
    assert hand_over(stranger, shop, other_shop.agent).status_code == 404
    assert client_of("cs", shop).get(f"/admin/handovers/of/{shop.agent.pk}/").status_code == 403
    address = hand_over(client_of("owner"), shop, dewi).url
    do_work()
    assert stranger.get(address).status_code == 404
    assert stranger.post(f"{address}undo/").status_code == 404
    assert address not in stranger.get("/admin/handovers/").content.decode()
    assert client_of("cs", shop).get(address).status_code == 404
    lead = client_of("cs_lead", shop)
    assert hand_over(lead, shop, other_shop.agent).status_code == 200, "no CS of another team"


def test_who_received_something_reads_her_own_and_her_notice_is_done(shop: Shop, dewi: Agent) -> None:
    dewi.user = UserFactory(role="cs", teams=[shop.team])
    dewi.save()
    sari = AgentFactory(name="Sari", team=shop.team)
    assigned(shop, 4)
    owner, client = Client(), Client()
    owner.force_login(UserFactory(role="owner"))
    address = hand_over(owner, shop, dewi, sari).url
    do_work()
    client.force_login(dewi.user)
    assert "2 contacts of" in client.get("/admin/").content.decode()
    page = client.get(address).content.decode()
    assert "2 open contacts" in page
    assert "Sari" not in page
    assert "Undo the handover" not in page
    assert "2 contacts of" not in client.get("/admin/").content.decode()


def test_a_lead_of_another_team_who_received_something_reads_her_own(
    client_of: ClientOf, shop: Shop, other_shop: Shop, dewi: Agent
) -> None:
    stranger = client_of("cs_lead", other_shop)
    other_shop.agent.user = stranger.user  # type: ignore[attr-defined]
    other_shop.agent.save()
    assigned(shop, 4)
    address = hand_over(client_of("owner"), shop, dewi, other_shop.agent).url
    do_work()
    assert address in stranger.get("/admin/handovers/").content.decode()
    page = stranger.get(address).content.decode()
    assert "2 open contacts" in page
    assert "Dewi" not in page
    assert "Undo the handover" not in page
    assert stranger.post(f"{address}undo/").status_code == 404
    assert Handover.objects.get().undone_at is None
    assert "Undo the handover" in client_of("cs_lead", shop).get(address).content.decode()


def test_a_login_that_still_works_is_pointed_out(client_of: ClientOf, shop: Shop, dewi: Agent) -> None:
    shop.agent.user = UserFactory(role="cs", teams=[shop.team])
    shop.agent.save()
    client = client_of("owner")
    address = hand_over(client, shop, dewi).url
    do_work()
    assert "can still log in" in client.get(address).content.decode()
    Agent.objects.filter(pk=shop.agent.pk).update(deleted_at="2026-01-01T00:00Z")
    assert "can still log in" not in client.get(address).content.decode()


def test_lists_cost_as_many_queries_for_many_contacts(
    client_of: ClientOf, shop: Shop, dewi: Agent, django_assert_max_num_queries: Any
) -> None:
    assigned(shop, 30)
    client = client_of("owner")
    with django_assert_max_num_queries(25):
        client.get(f"/admin/handovers/of/{shop.agent.pk}/")
    address = hand_over(client, shop, dewi).url
    do_work()
    with django_assert_max_num_queries(25):
        client.get(address)
