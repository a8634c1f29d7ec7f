"""The naming doctor's page: what it proposes, its dry run, and what is remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labelcrm.core.models import AuditEntry, Job
from labels.models import Category, ChannelLabel, Label, RefusedName
from labels.services import meanings
from tests.desk.conftest import Shop
from tests.desk.labels.test_whatsapp_labels import label, means, unsorted
from tests.work import do_work

PAGE = "/admin/labels/naming/"
ClientOf = Callable[..., Client]


def cards(client: Client) -> dict[str, list[str]]:
    """What is proposed: the label, or the name of a new one, with the names that are to mean it."""
    found = {}
    for card in client.get(PAGE).context["cards"]:
        named = card.proposal.label.name if card.proposal.label else f"new: {card.new_name}"
        found[named] = [line.name.group.name for line in card.lines]
    return found


def asked(*rows: ChannelLabel, means: Any, **more: Any) -> dict[str, Any]:
    pks = [row.pk for row in rows]
    return {"all": pks, "name": pks, "means": getattr(means, "pk", means), **more}


def test_names_that_say_the_same_are_put_together_with_their_label(client_of: ClientOf, shop: Shop) -> None:
    shop.whatsapp_label("Prospek panas")
    for name in ("Panas bulan ini", "nunggu tf", "belum lunas", "Reseller", "Resseler", "Batal order", "cancel", "VIP"):
        unsorted(shop, name)
    assert cards(client_of("cs_lead", shop)) == {
        "Menunggu pembayaran": ["belum lunas", "nunggu tf"],
        "Prospek panas": ["Panas bulan ini"],
        "new: Batal order": ["Batal order", "cancel"],
        "new: Reseller": ["Reseller", "Resseler"],
    }


def test_a_proposal_says_why_how_many_and_which_category(client_of: ClientOf, shop: Shop) -> None:
    first, other = unsorted(shop, "Batal order", contacts=2), unsorted(shop, "cancel", contacts=1)
    shop.put(other.assignments.get().contact, first)
    response = client_of("cs_lead", shop).get(PAGE)
    [card] = response.context["cards"]
    assert [line.why for line in card.lines] == ["the most used of them", "says the same as “Batal order”"]
    assert (card.proposal.contacts, card.numbers, card.teams, card.proposal.together) == (4, 1, 1, 1)
    assert card.category == Category.objects.get(code="transaction")
    body = response.content.decode()
    assert "Team Rina" in body
    assert "CS Rina" in body


def test_nothing_is_changed_before_its_dry_run_was_seen(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, "nunggu tf", contacts=3)
    shop.put(shop.contact(), row, hours=2)
    client = client_of("cs_lead", shop)
    response = client.post(f"{PAGE}plan/", asked(row, means=label("Menunggu pembayaran")))
    counts = response.context["counts"]
    assert (counts.active, counts.contacts, counts.intervals) == (3, 4, 4)
    assert not Job.objects.exists()
    assert means(row) == "nunggu tf"


def test_a_proposal_is_accepted_and_taken_back(client_of: ClientOf, shop: Shop) -> None:
    rows = [unsorted(shop, "nunggu tf", contacts=1), unsorted(shop, "belum lunas")]
    client = client_of("cs_lead", shop)
    answer = client.post(f"{PAGE}apply/", asked(*rows, means=label("Menunggu pembayaran")))
    do_work()
    assert [means(row) for row in rows] == ["Menunggu pembayaran"] * 2
    page = client.get(answer.url)
    assert page.context["undo"]["n"] == 2
    client.post(f"{PAGE}undo/", {"batch": page.context["undo"]["batch"]})
    do_work()
    assert [means(row) for row in rows] == ["nunggu tf", "belum lunas"]


@pytest.mark.parametrize("called", ["Batal order", "Dibatalkan pelanggan"])
def test_a_new_label_is_made_for_names_and_goes_when_that_is_taken_back(
    client_of: ClientOf, shop: Shop, called: str
) -> None:
    rows = [unsorted(shop, "Batal order", contacts=1), unsorted(shop, "cancel")]
    client, category = client_of("cs_lead", shop), Category.objects.get(code="transaction")
    form = asked(*rows, means="new", new_name=called, category=category.pk)
    plan = client.post(f"{PAGE}plan/", form)
    assert called in plan.content.decode()
    answer = client.post(f"{PAGE}apply/", form)
    do_work()
    assert {means(row) for row in rows} == {called}
    made = label(called)
    assert (made.reviewed, made.category, made.color) == (True, category, category.color)
    undo = client.get(answer.url).context["undo"]
    client.post(f"{PAGE}undo/", {"batch": undo["batch"], "made": undo["made"]})
    do_work()
    assert [means(row) for row in rows] == ["Batal order", "cancel"]
    assert not Label.objects.filter(name=called, reviewed=True).exists()


def test_what_is_refused_is_remembered_and_can_be_proposed_again(client_of: ClientOf, shop: Shop) -> None:
    rows = [unsorted(shop, "nunggu tf"), unsorted(shop, "belum lunas")]
    client, waiting = client_of("cs_lead", shop), label("Menunggu pembayaran")
    client.post(f"{PAGE}refuse/", asked(*rows, means="", of=waiting.pk, apart=rows[0].pk))
    assert cards(client) == {"Menunggu pembayaran": ["belum lunas"]}
    assert meanings.label_for_name("Nunggu TF!", reviewed=False).name == "nunggu tf", "no number maps it by itself"
    assert AuditEntry.objects.filter(action="label.names_refused").count() == 1
    client.post(f"{PAGE}allow/", {"refused": RefusedName.objects.get().pk})
    assert len(cards(client)["Menunggu pembayaran"]) == 2


def test_what_another_lead_refused_is_not_listed(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    row = unsorted(other_shop, "nunggu tf")
    client_of("cs_lead", other_shop).post(f"{PAGE}refuse/", asked(row, means="", of=label("Selesai").pk))
    refused = RefusedName.objects.get()
    lead = client_of("cs_lead", shop)
    assert not lead.get(PAGE).context["refused"]
    assert lead.post(f"{PAGE}allow/", {"refused": refused.pk}).status_code == 404
    assert list(client_of("root").get(PAGE).context["refused"]) == [refused]


def test_two_names_that_are_not_the_same_stay_apart(client_of: ClientOf, shop: Shop) -> None:
    rows = [unsorted(shop, name) for name in ("Reseller", "Resseler", "Reseler")]
    client = client_of("cs_lead", shop)
    client.post(f"{PAGE}refuse/", asked(*rows, means="new", apart=rows[1].pk))
    assert {frozenset(names) for names in cards(client).values()} == {frozenset(("Reseller", "Reseler"))}
    rest = [rows[0], rows[2]]
    client.post(f"{PAGE}refuse/", asked(*rest, means="new"))
    assert not any("Reseller" in names for names in cards(client).values())


def test_two_of_our_labels_that_say_the_same_may_be_merged(client_of: ClientOf, shop: Shop) -> None:
    category = Category.objects.get(code="transaction")
    one = Label.objects.create(name="Batal", category=category)
    other = Label.objects.create(name="Dibatalkan", category=category)
    for each in (one, other):
        each.aliases.create(text=each.name, normalized=each.name.casefold())
    client = client_of("root")
    assert client.get(PAGE).context["doubles"] == [(one, other)]
    assert f"/label/{other.pk}/merge/?into={one.pk}" in client.get(PAGE).content.decode()
    client.post(f"{PAGE}refuse/", {"label": [one.pk, other.pk]})
    assert client.get(PAGE).context["doubles"] == []


def test_another_teams_names_are_neither_shown_nor_changed(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    row = unsorted(other_shop, "nunggu tf", contacts=2)
    client = client_of("cs_lead", shop)
    assert cards(client) == {}
    client.post(f"{PAGE}apply/", asked(row, means=label("Selesai")))
    assert client.post(f"{PAGE}refuse/", asked(row, means="", of=label("Selesai").pk)).status_code == 404
    assert not Job.objects.exists()
    assert means(row) == "nunggu tf"


@pytest.mark.parametrize("role", ["cs", "analyst", "auditor"])
def test_who_may_not_decide_may_look(client_of: ClientOf, shop: Shop, role: str) -> None:
    row = unsorted(shop, "nunggu tf")
    client = client_of(role, shop)
    assert b'name="means"' not in client.get(PAGE).content
    for action in ("plan", "apply", "refuse", "allow", "undo"):
        assert client.post(f"{PAGE}{action}/", asked(row, means=label("Selesai"))).status_code == 403


@pytest.mark.parametrize("odd", [{}, {"name": "²"}, {"name": "9" * 30}, {"name": "1", "means": "x"}, {"means": "new"}])
def test_odd_forms_change_nothing(client_of: ClientOf, shop: Shop, odd: dict[str, str]) -> None:
    unsorted(shop, "nunggu tf")
    client = client_of("root", shop)
    for action in ("plan", "apply", "undo"):
        assert client.post(f"{PAGE}{action}/", odd).status_code == 302
    assert client.post(f"{PAGE}refuse/", odd).status_code == 404
    assert not Job.objects.exists()


def test_the_page_asks_the_same_number_of_queries_for_any_number_of_names(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(PAGE)
        return len(captured)

    unsorted(shop, "nunggu tf", contacts=1)
    unsorted(shop, "Reseller"), unsorted(shop, "Resseler")
    shop.whatsapp_label("Grade A")
    few = queries()
    for name in ("belum lunas", "blm tf", "Panas bulan ini", "cancel", "batal", "Kirim besok", "Kirim besokk"):
        unsorted(shop, name, contacts=2)
        shop.whatsapp_label(name)
    assert queries() == few
