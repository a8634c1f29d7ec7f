"""The lines of a file are written together, and say exactly what one contact after the other would have said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import CampaignTouch, Consent, Contact, ContactIdentity
from contacts.services import importing
from contacts.services.attribution import AD, MANUAL, set_first_touch
from contacts.services.contacts import edit_contact
from contacts.services.directory import resolve
from contacts.services.importing import ContactFields, ContactRow, create_or_update_contacts
from labelcrm.core import audit
from labelcrm.core.models import AuditEntry
from tests.factories import AgentFactory, CampaignFactory, ContactFactory, UserFactory
from webhooks.gateways.events import Chat, ChatKind

THEN = datetime(2026, 3, 1, tzinfo=UTC)
SOON = datetime(2026, 5, 1, tzinfo=UTC)


def one_by_one(lines: Mapping[int, ContactRow], *, actor: Any) -> set[int]:
    """The same with the services for one contact; the lines that were refused."""
    return {number for number, line in lines.items() if not _write_one(line, actor=actor)}


def _write_one(line: ContactRow, *, actor: Any) -> bool:
    contact_id, created = line.contact_id, False
    if contact_id is None:
        chat = Chat(raw=line.phone, kind=ChatKind.PERSONAL, phone=line.phone)
        directory = resolve({chat: timezone.now()})
        contact_id = directory.known["phone", line.phone].contact_id
        created = contact_id in directory.created
    contact = Contact.all_objects.get(pk=contact_id)
    if contact.is_archived:
        return False
    said = line.fields
    if created:
        audit.record(actor=actor, action="contact.created", obj=contact, origin="import")
    given = {"name": said.name, "assigned_to": said.assigned_to, "follow_up_at": said.follow_up_at}
    values = {name: value for name, value in given.items() if value is not None}
    contact = edit_contact(contact, actor=actor, origin="import", opted_out=said.opted_out or None, **values)
    if said.campaign is not None and contact.campaign_id != said.campaign.pk:
        CampaignTouch.objects.filter(contact=contact, method=MANUAL).delete()
        CampaignTouch.objects.create(contact=contact, campaign=said.campaign, at=timezone.now(), method=MANUAL)
        set_first_touch([contact.pk])
        details = {"campaign": said.campaign.pk, "before": contact.campaign_id}
        audit.record(actor=actor, action="contact.campaign", obj=contact, origin="import", **details)
    return True


def mixed(user: Any) -> dict[int, ContactRow]:
    """A file with all that can happen to a line."""
    rina, sari = AgentFactory(name="Rina"), AgentFactory(name="Sari")
    lebaran, promo = CampaignFactory(name="Lebaran"), CampaignFactory(name="Promo")
    named = ContactFactory(name="Lama", name_source="whatsapp", assigned_to=rina)
    typed = ContactFactory(name="Diketik", name_source="person", name_at=THEN)
    out = ContactFactory(opted_out_at=THEN)
    touched = ContactFactory(campaign=lebaran)
    CampaignTouch.objects.create(contact=touched, campaign=lebaran, at=THEN, method=AD)
    by_hand = ContactFactory(campaign=lebaran)
    CampaignTouch.objects.create(contact=by_hand, campaign=lebaran, at=THEN, method=MANUAL)
    archived = ContactFactory(deleted_at=THEN)
    raced = ContactFactory(name="", phone="+6281300000050", assigned_to=sari)
    raced_archived = ContactFactory(phone="+6281300000051", deleted_at=THEN)
    everything = ContactFields(name="Budi", assigned_to=rina, campaign=promo, follow_up_at=SOON, opted_out=True)
    told = [
        (None, "+6281300000002", ContactFields()),
        (None, "+6281300000001", everything),
        (None, "+6281300000003", ContactFields(name='{"NULL", \\ =Siti}\tDewi 🌸')),
        (named.pk, named.phone, everything),
        (typed.pk, "", ContactFields(name="Baru")),
        (out.pk, out.phone, ContactFields(opted_out=True, follow_up_at=SOON)),
        (touched.pk, touched.phone, ContactFields(campaign=promo)),
        (by_hand.pk, by_hand.phone, ContactFields(campaign=promo, assigned_to=sari)),
        (ContactFactory(name="Tetap").pk, "", ContactFields(name="Tetap")),
        (archived.pk, archived.phone, ContactFields(name="Arsip")),
        (None, raced.phone, ContactFields(name="Sudah ada")),
        (None, raced_archived.phone, ContactFields(name="Sudah diarsip")),
    ]
    return {number: ContactRow(*line) for number, line in enumerate(told, start=1)}


def written() -> dict[str, list[Any]]:
    """Everything that an import writes, by phone; of times only whether they are new."""
    phones = dict(Contact.all_objects.values_list("id", "phone"))
    columns = ("name", "name_source", "lid", "assigned_to", "campaign", "follow_up_at", "merged_into")
    times = ("name_at", "opted_out_at", "updated_at", "deleted_at", "first_seen_at", "first_inbound_at")
    return {
        "contacts": sorted(
            (c["phone"], [c[name] for name in columns], [_age(c[name]) for name in times])
            for c in Contact.all_objects.values("phone", *columns, *times)
        ),
        "identities": sorted((phones[i.contact_id], i.kind, i.value) for i in ContactIdentity.objects.all()),
        "touches": sorted(
            (phones[t.contact_id], t.campaign_id, t.method, _age(t.at), t.evidence) for t in CampaignTouch.objects.all()
        ),
        "consents": sorted((phones[c.contact_id], c.given, c.source, c.recorded_by_id) for c in Consent.objects.all()),
        "audit": sorted(
            (phones[e.object_id or 0], e.pk, e.actor_id, e.action, e.object_type, e.object_name, _timeless(e.details))
            for e in AuditEntry.objects.filter(object_type="contacts.contact")
        ),
    }


def _age(at: datetime | None) -> str | None:
    """Whether a time is of today."""
    return at and ("then" if at <= SOON else "now")


def _timeless(details: dict[str, Any]) -> str:
    told = details.get("changes", {})
    if "opted_out_at" in told:
        told["opted_out_at"][1] = "now"
    return repr(sorted(details.items(), key=str))


def outcome(deed: Callable[[], Any]) -> tuple[Any, dict[str, list[Any]]]:
    """What a deed returns and writes; it is undone."""
    with transaction.atomic():
        result, rows = deed(), written()
        transaction.set_rollback(True)
    # Ids of audit rows only say which came first of one contact.
    rows["audit"] = [(phone, *rest) for phone, _pk, *rest in rows["audit"]]
    return result, rows


@pytest.mark.django_db
@pytest.mark.parametrize("chunk", [1000, 4])
def test_lines_written_together_say_what_one_after_the_other_would(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK", chunk)
    user = UserFactory(role="marketing")
    lines = mixed(user)
    refused, together = outcome(lambda: create_or_update_contacts(lines, actor=user).refused)
    refused_one_by_one, expected = outcome(lambda: one_by_one(lines, actor=user))
    assert set(refused) == refused_one_by_one == {10, 12}
    assert {error.code for error in refused.values()} == {"archived"}
    for table, rows in expected.items():
        assert together[table] == rows, table
    assert {action for _phone, _actor, action, *_rest in expected["audit"]} == {
        "contact.created", "contact.changed", "contact.campaign",
    }  # fmt: skip


@pytest.mark.django_db
def test_of_two_lines_that_turn_out_to_mean_one_contact_the_later_counts() -> None:
    """One says a LID, the other a phone that became this contact's since the file was understood."""
    budi, lebaran, promo = ContactFactory(name="Budi"), CampaignFactory(), CampaignFactory()
    lines = {
        2: ContactRow(None, budi.phone, ContactFields(name="Satu", campaign=lebaran)),
        3: ContactRow(budi.pk, "", ContactFields(name="Dua", campaign=promo, follow_up_at=SOON)),
    }
    assert create_or_update_contacts(lines, actor=None).refused == {}
    budi.refresh_from_db()
    assert (budi.name, budi.campaign, budi.follow_up_at) == ("Dua", promo, SOON)
    assert CampaignTouch.objects.get().campaign == promo
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["contact.changed", "contact.campaign"] * 2


@pytest.mark.django_db
def test_a_contact_that_is_gone_is_refused() -> None:
    gone = ContactFactory()
    lines = {
        7: ContactRow(gone.pk, "", ContactFields(name="Hilang")),
        8: ContactRow(None, "+6281300000001", ContactFields()),
    }
    gone.identities.all().delete()
    Contact.all_objects.filter(pk=gone.pk).delete()
    assert {n: error.code for n, error in create_or_update_contacts(lines, actor=None).refused.items()} == {
        7: "conflict"
    }
    assert Contact.objects.get().phone == "+6281300000001"


@pytest.mark.django_db(transaction=True)
def test_two_files_with_the_same_phones_double_nobody() -> None:
    """Both are written at the same time, each in an order of its own."""
    phones = [f"+62813000{n:05d}" for n in range(60)]
    together = threading.Barrier(2)
    refused: list[Any] = []

    def bring(order: list[str], name: str) -> None:
        try:
            lines = {n: ContactRow(None, phone, ContactFields(name=name)) for n, phone in enumerate(order)}
            with transaction.atomic():
                together.wait(30)
                refused.append(create_or_update_contacts(lines, actor=None).refused)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=bring, args=(phones, "Satu")),
        threading.Thread(target=bring, args=(phones[::-1], "Dua")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [{}, {}]
    assert sorted(Contact.objects.values_list("phone", flat=True)) == phones
    assert Contact.objects.values("name").distinct().count() == 1
    assert AuditEntry.objects.filter(action="contact.created").count() == 60
    assert AuditEntry.objects.filter(action="contact.changed").count() == 120


@pytest.mark.django_db
def test_a_campaign_alone_makes_a_contact_new_for_whoever_asks_what_changed() -> None:
    contact = ContactFactory(updated_at=THEN)
    said = ContactFields(campaign=CampaignFactory())
    assert create_or_update_contacts({1: ContactRow(contact.pk, "", said)}, actor=None).refused == {}
    contact.refresh_from_db()
    assert contact.updated_at > THEN
    assert contact.campaign == said.campaign
