"""Merging two contacts by hand, and undoing merges, on their pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import CampaignTouch, Contact, ContactMerge, Message, Note
from labelcrm.core.models import AuditEntry
from labels.models import LabelAssignment
from labels.services import merging
from labels.services.rebuilding import rebuild
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory, ChannelFactory
from tests.webhooks.telling import label, message, person, seen, tell

ClientOf = Callable[..., Client]

ANA, LID = "+6281298765432", "210987654321098"


def page(contact: Contact, rest: str = "") -> str:
    return f"/admin/contacts/contact/{contact.pk}/{rest}"


@pytest.fixture
def two(shop: Shop) -> tuple[Contact, Contact]:
    """Ana with a phone and a label, and somebody with a LID, a label and a note."""
    tell(shop.channel, message(person(ANA), 1, contact_name="Ana"), label(person(ANA), "7", 2))
    tell(shop.channel, message(person(lid=LID), 3), label(person(lid=LID), "8", 4))
    other = Contact.objects.get(lid=LID)
    Note.objects.create(contact=other, text="suka warna biru")
    return Contact.objects.get(phone=ANA), other


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("start", [0, 1])
def test_two_contacts_are_merged_from_either_page_and_parted_again(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact], language: str, start: int
) -> None:
    ana, lid = two
    here, there = two[start], two[1 - start]
    client = client_of("cs_lead", shop, language=language)
    assert f"{page(here)}merge/" in client.get(page(here)).content.decode()
    search = client.get(page(here, "merge/"), {"q": there.phone or f"{there.lid}@lid"}).content.decode()
    assert f"?other={there.pk}" in search
    shown = client.get(page(here, "merge/"), {"other": there.pk})
    preview = shown.context["preview"]
    assert (preview.survivor_id, preview.merged_id) == (ana.pk, lid.pk)
    assert {row.title.lower() for row in preview.rows} >= {"phone"} or language == "id"
    answer = client.post(page(here, "merge/"), {"other": there.pk})
    assert (answer.status_code, answer["Location"]) == (302, f"{page(ana)}#merges")
    record = ContactMerge.objects.get()
    assert (record.survivor, record.merged, record.reason) == (ana, lid, "by_hand")
    assert record.actor == client.user  # type: ignore[attr-defined]
    assert client.get(page(lid))["Location"] == page(ana)
    html = client.get(page(ana)).content.decode()
    assert f"{page(ana)}merges/{record.pk}/" in html
    undo = client.get(page(ana, f"merges/{record.pk}/")).context["undo"]
    assert f"{LID}@lid" in undo.back[0]
    assert len(undo.back) == 4  # identifiers, a message, a label change, a note
    assert client.post(page(ana, f"merges/{record.pk}/"))["Location"] == page(ana)
    assert LabelAssignment.objects.get(contact=lid)
    assert Note.objects.get().contact == lid
    assert rebuild(write=False) == 0


def test_what_goes_back_is_counted_of_the_numbers_that_one_sees(
    client_of: ClientOf, shop: Shop, other_shop: Shop, two: tuple[Contact, Contact]
) -> None:
    ana, other = two
    told = [message(person(lid=LID), 5), message(person(lid=LID), 6), label(person(lid=LID), "8", 7)]
    tell(other_shop.channel, *told)
    for channel in (shop.channel, other_shop.channel, None):
        CampaignTouch.objects.create(
            contact=other, campaign=CampaignFactory(), channel=channel, at=THEN, method="manual"
        )
    record = merging.merge(survivor_id=ana.pk, merged_id=other.pk, reason="by_hand", actor=None)

    def back(client: Client) -> list[str]:
        return client.get(page(ana, f"merges/{record.pk}/")).context["undo"].back[1:]

    assert back(client_of("cs_lead", shop)) == ["1 message", "1 label change", "1 note", "2 campaign touches"]
    assert back(client_of("owner")) == ["3 messages", "2 label changes", "1 note", "3 campaign touches"]


def test_a_merge_that_whatsapp_told_is_listed_with_its_reason(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact]
) -> None:
    tell(shop.channel, seen(person(ANA, lid=LID)))
    html = client_of("cs_lead", shop).get(page(two[0])).content.decode()
    assert "told together by WhatsApp" in html
    assert "by itself" in html


def test_whom_one_does_not_see_one_does_not_merge(
    client_of: ClientOf, shop: Shop, other_shop: Shop, two: tuple[Contact, Contact]
) -> None:
    stranger = other_shop.contact(name="Rahasia", phone="+6281277777777")
    client = client_of("cs_lead", shop)
    assert f"other={stranger.pk}" not in client.get(page(two[0], "merge/"), {"q": "Rahasia"}).content.decode()
    for answer in (
        client.get(page(two[0], "merge/"), {"other": stranger.pk}),
        client.get(page(two[0], "merge/"), {"other": 999_999_999}),
    ):
        assert answer.context["preview"] is None
        assert "Rahasia" not in answer.content.decode()
    assert client.post(page(two[0], "merge/"), {"other": stranger.pk}).status_code == 200
    assert client.get(page(stranger, "merge/")).status_code == 404
    assert not ContactMerge.objects.exists()


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_who_may_only_read_merges_nobody(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact], role: str
) -> None:
    client = client_of(role, shop)
    record = merging.merge(survivor_id=two[0].pk, merged_id=two[1].pk, reason="by_hand", actor=None)
    html = client.get(page(two[0])).content.decode()
    assert "Merged from" in html
    assert "merge/" not in html
    for rest in ("merge/", f"merges/{record.pk}/"):
        assert client.get(page(two[0], rest)).status_code == 403
        assert client.post(page(two[0], rest)).status_code == 403


@pytest.mark.parametrize("odd", ["²", "0", "-1", "", "abc", "9" * 25, "%00"])
def test_odd_values_are_answered(client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact], odd: str) -> None:
    client = client_of("cs_lead", shop)
    for parameters in ({"other": odd}, {"q": odd}):
        assert client.get(page(two[0], "merge/"), parameters).status_code == 200
    assert client.post(page(two[0], "merge/"), {"other": odd}).status_code == 200


def test_a_merge_on_which_a_later_one_stands_names_that_one(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact]
) -> None:
    ana, lid = two
    first = merging.merge(survivor_id=ana.pk, merged_id=lid.pk, reason="by_hand", actor=None)
    citra = shop.contact(name="Citra")
    second = merging.merge(survivor_id=ana.pk, merged_id=citra.pk, reason="by_hand", actor=None)
    client = client_of("cs_lead", shop)
    html = client.get(page(ana, f"merges/{first.pk}/")).content.decode()
    assert f"merges/{second.pk}/" in html
    assert "Citra → Ana" in html
    client.post(page(ana, f"merges/{first.pk}/"))
    first.refresh_from_db()
    assert first.undone_at is None
    assert client.get(page(ana, f"merges/{second.pk + 99}/")).status_code == 404


def test_an_archived_contact_becomes_part_of_a_living_one(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact]
) -> None:
    ana, lid = two
    Contact.objects.filter(pk=ana.pk).update(deleted_at=THEN)
    client = client_of("owner", shop)
    client.post(page(lid, "merge/"), {"other": ana.pk})
    record = ContactMerge.objects.get()
    assert (record.survivor, record.merged) == (lid, ana)
    assert "archive" in client.get(page(lid, f"merges/{record.pk}/")).content.decode()


def test_the_pages_and_their_audit_rows_name_nobody_in_the_trail(
    client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact]
) -> None:
    client_of("cs_lead", shop).post(page(two[0], "merge/"), {"other": two[1].pk})
    row = AuditEntry.objects.get(action="contact.merged")
    assert (row.object_name, row.object_id) == ("", two[0].pk)
    assert "Ana" not in str(row.details)


def test_the_preview_costs_few_queries(client_of: ClientOf, shop: Shop, two: tuple[Contact, Contact]) -> None:
    client = client_of("cs_lead", shop)
    Message.objects.bulk_create(
        Message(contact=two[0], channel=shop.channel, external_id=f"X{n}", from_me=False, at=THEN,
                at_source="whatsapp", received_at=THEN) for n in range(50)
    )  # fmt: skip
    with CaptureQueriesContext(connection) as queries:
        client.get(page(two[0], "merge/"), {"other": two[1].pk})
    assert len(queries) <= 30


def test_somebody_without_a_number_is_shown_as_a_person(client_of: ClientOf, shop: Shop) -> None:
    channel = ChannelFactory(team=shop.team, gateway="cloudapi")
    tell(channel, message(person(user_id="ID.1234567890"), 1, username="budi.kaos"))
    client = client_of("cs", shop)
    contact = Contact.objects.get()
    for url in (page(contact), "/admin/contacts/contact/", "/admin/contacts/contact/?q=@budi",
                "/admin/contacts/contact/?q=ID.1234567890"):  # fmt: skip
        assert "@budi.kaos" in client.get(url).content.decode()
    html = client.get(page(contact)).content.decode()
    assert "ID.1234567890" in html
    assert "@lid" not in html
