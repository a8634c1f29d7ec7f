"""The mapping screen: what each number's WhatsApp labels mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from labelcrm.core.models import AuditEntry
from labels.models import ChannelLabel, Label
from tests.desk.conftest import Shop
from tests.work import do_work

LIST = "/admin/labels/channellabel/"
ClientOf = Callable[..., Client]


def names(response: Any) -> set[str]:
    return {row.name for row in response.context["cl"].result_list}


def unsorted(shop: Shop, name: str = "Nunggu TF") -> ChannelLabel:
    Label.objects.create(name=name, reviewed=False)
    return shop.whatsapp_label(name)


def test_system_lists_and_deleted_labels_are_shown_only_when_asked_for(client_of: ClientOf, shop: Shop) -> None:
    shop.whatsapp_label("Grade A")
    shop.whatsapp_label("Favorit", label="Grade A", hidden=True)
    shop.whatsapp_label("Lama", label="Grade A", deleted_at="2026-03-02T03:00Z")
    unsorted(shop)
    shop.whatsapp_label("Label 9", label="Grade A", is_placeholder=True)
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST)) == {"Grade A", "Nunggu TF", "Label 9"}
    assert names(client.get(LIST, {"state": "undecided"})) == {"Nunggu TF"}
    assert names(client.get(LIST, {"state": "placeholder"})) == {"Label 9"}
    assert names(client.get(LIST, {"state": "deleted"})) == {"Lama"}
    assert names(client.get(LIST, {"state": "system"})) == {"Favorit"}


def test_each_team_maps_its_own_numbers(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    shop.whatsapp_label("Grade A")
    foreign = other_shop.whatsapp_label("Grade B")
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST)) == {"Grade A"}
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302


def test_a_person_says_it_always_meant_this(client_of: ClientOf, shop: Shop) -> None:
    row, waiting = unsorted(shop), Label.objects.get(name="Menunggu pembayaran")
    client = client_of("cs_lead", shop)
    said = client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "always"}, follow=True)
    assert "is given another meaning" in said.content.decode()
    do_work()
    assert "is given another meaning" not in client.get(LIST).content.decode()
    row.refresh_from_db()
    meaning = row.meanings.get()
    assert (row.label, meaning.label, meaning.since) == (waiting, waiting, None)
    assert meaning.decided_by == client.user  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(action="label.remapped", object_id=row.pk).exists()


def test_a_person_says_from_which_day_on(client_of: ClientOf, shop: Shop) -> None:
    row, waiting = unsorted(shop), Label.objects.get(name="Menunggu pembayaran")
    client = client_of("cs_lead", shop)
    missing = client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "from"})
    assert "Say from which day on." in missing.content.decode()
    client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "from", "since": "2026-03-10"})
    do_work()
    before, after = row.meanings.all()
    assert before.label.name == "Nunggu TF"
    assert after.label == waiting
    assert after.since.isoformat() == "2026-03-09T17:00:00+00:00"  # midnight in Jakarta


def test_several_labels_get_one_meaning_at_once(client_of: ClientOf, shop: Shop) -> None:
    rows, waiting = [unsorted(shop, f"TF {n}") for n in range(3)], Label.objects.get(name="Menunggu pembayaran")
    client = client_of("cs_lead", shop)
    chosen = {"action": "remap_rows", "_selected_action": [row.pk for row in rows[:2]]}
    assert "Choose the label" in client.post(LIST, chosen, follow=True).content.decode()
    said = client.post(LIST, chosen | {"means": waiting.pk}, follow=True).content.decode()
    assert "2 WhatsApp labels are given the meaning “Waiting payment”" in said
    do_work()
    assert list(ChannelLabel.objects.filter(label=waiting).values_list("name", flat=True)) == ["TF 0", "TF 1"]


def test_a_placeholder_is_given_its_name(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, "Label 9 (Number Rina)")
    ChannelLabel.objects.filter(pk=row.pk).update(is_placeholder=True)
    client = client_of("cs_lead", shop)
    assert 'name="called"' in client.get(f"{LIST}{row.pk}/change/").content.decode()
    client.post(f"{LIST}{row.pk}/change/", {"means": row.label_id, "holds": "always", "called": "Grade A"})
    row.refresh_from_db()
    assert (row.name, row.label.name, row.is_placeholder) == ("Grade A", "Grade A", False)


def test_cs_may_look_but_not_map(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop)
    client = client_of("cs", shop)
    assert client.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert client.post(f"{LIST}{row.pk}/change/", {"means": row.label_id, "holds": "always"}).status_code == 403
    waiting = Label.objects.get(name="Menunggu pembayaran")
    client.post(LIST, {"action": "remap_rows", "_selected_action": [row.pk], "means": waiting.pk})
    do_work()
    row.refresh_from_db()
    assert row.label.name == "Nunggu TF"
