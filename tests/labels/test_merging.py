"""Two contacts are merged and the merge is undone: everything that hung on them is back where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import override
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contacts.models import (
    CampaignRule,
    CampaignTouch,
    Channel,
    Consent,
    Contact,
    ContactMerge,
    Message,
    Note,
)
from contacts.services import merging as contact_merging
from contacts.services.attribution import MANUAL, set_first_touch
from contacts.services.contacts import edit_contact
from labelcrm.core import edits
from labelcrm.core.bulk import fetch
from labelcrm.core.models import AuditEntry
from labels.models import CleanSpell, Label, LabelAssignment, StaleFlag
from labels.services import merging, projections, staleness
from labels.services.rebuilding import rebuild
from tests.factories import AgentFactory, CampaignFactory, ChannelFactory, UserFactory
from tests.services_plugin import is_full_run
from tests.webhooks.telling import changed, label, message, minutes, person, seen, tell
from webhooks.gateways.events import AdReferral, LabelSaved

pytestmark = pytest.mark.django_db

NOW = minutes(60 * 24 * 30)
ANA, BUDI, CITRA = "+6281290001111", "+6281290002222", "+6281290003333"
CHATS = [person(ANA), person(lid="210987654321098"), person(CITRA, user_id="ID.123")]

# Tables that hang on a contact and are not moved, and why.
PROJECTIONS = {
    "labels_labelspell", "labels_cleanspell", "labels_stagestay",
    "labels_scopedlabelspell", "labels_scopedcleanspell", "labels_scopedstagestay",
}  # fmt: skip
DERIVED = {"labels_labelassignment", *PROJECTIONS}
RESTORED = {"contacts_contactchannel", "labels_staleflag"}
STAY = {
    "contacts_contactmerge",  # an earlier merge is undone where it was made
    "transfer_conversion",  # who had one keeps it; no second one is made for whom they became
    "transfer_exportedperson",  # what an export held stays; who is meant by it is looked up when it is read
}
# Rows that are folded anew get new ids; when a row changed is no part of what it says.
UNCOMPARED = {table: {"id"} for table in DERIVED}


def tables_of_a_contact() -> dict[str, list[str]]:
    """Every table that points at a contact, and by which columns."""
    found: dict[str, list[str]] = {"contacts_contact": []}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if getattr(field, "many_to_one", False) and field.related_model is Contact:
                found.setdefault(model._meta.db_table, []).append(field.column)  # type: ignore[union-attr]
    return found


def everything(*, besides: set[int] = frozenset()) -> dict[str, list[str]]:
    """All rows of all these tables; `besides` are ids of merges that are left out."""
    told = {}
    for table in tables_of_a_contact():
        hidden = UNCOMPARED.get(table, set()) | {"updated_at"}
        rows = [json.loads(row) for (row,) in fetch(f"SELECT to_jsonb(t)::text FROM {table} t", [])]
        if table == "contacts_contactmerge":
            rows = [row for row in rows if row["id"] not in besides]
        told[table] = sorted(
            json.dumps({k: v for k, v in row.items() if k not in hidden}, sort_keys=True) for row in rows
        )
    return told


def test_every_table_that_hangs_on_a_contact_is_moved_derived_or_said_to_stay() -> None:
    moved = {*contact_merging.MOVED, contact_merging.MERGED_BEFORE, *merging.MOVED}
    assert set(tables_of_a_contact()) == moved | DERIVED | RESTORED | STAY


def test_every_column_of_a_contact_is_joined_derived_or_its_own() -> None:
    own = {"id", "deleted_at", "merged_into_id", "created_at", "updated_at"}
    columns = {field.column for field in Contact._meta.concrete_fields}
    assert columns == own | set(contact_merging.JOINED) | set(contact_merging.DERIVED)


def test_every_time_of_a_contact_on_a_channel_is_joined() -> None:
    from contacts.models import ContactChannel

    columns = {field.column for field in ContactChannel._meta.concrete_fields}
    assert columns == {
        "id", "contact_id", "channel_id", "first_seen_at", "first_inbound_at", "last_inbound_at", "last_outbound_at",
        "has_history", "first_live_inbound_at",
    }  # fmt: skip


class Shop:
    """Two numbers with labels and campaigns, and three chats that are somebody's."""

    def __init__(self) -> None:
        self.channels = [ChannelFactory(key="cs1"), ChannelFactory(key="cs2")]
        self.agents = AgentFactory.create_batch(2)
        self.user = UserFactory()
        self.campaigns = [CampaignFactory(code="satu"), CampaignFactory(code="dua"), CampaignFactory(code="tangan")]
        CampaignRule.objects.create(campaign=self.campaigns[0], kind="keyword", pattern="satu")
        CampaignRule.objects.create(campaign=self.campaigns[1], kind="ad", pattern="ad-1")
        Channel.objects.filter(pk=self.channels[1].pk).update(default_campaign=self.campaigns[1])
        for channel in self.channels:
            channel.refresh_from_db()
            tell(channel, *(LabelSaved(external_id=one, name=name) for one, name in LABELS.items()))

    def contact(self, who: int) -> Contact:
        chat = CHATS[who]
        kind, value = ("phone", chat.phone) if chat.phone else ("lid", chat.lid)
        return Contact.all_objects.get(identities__kind=kind, identities__value=value)

    def hear(self, told: Any) -> None:
        what, who, channel, at, option = told
        chat, number = CHATS[who], self.channels[channel]
        if what == "in":
            ad = AdReferral(source_id=f"ad-{option}") if option > 1 else None
            name = [None, "Ana", "Budi", "Citra"][option]
            tell(number, message(chat, at, text=["halo", "satu", "dua", ""][option], ad=ad, contact_name=name,
                                 username=name and name.lower()))  # fmt: skip
        elif what == "out":
            tell(number, message(chat, at, from_me=True))
        elif what == "stop":
            tell(number, message(chat, at, text="STOP"))
        else:
            tell(number, label(chat, str(option), at, on=what == "on"))

    def do(self, deed: Any) -> None:
        what, who, _channel, at, option = deed
        contact = self.contact(who)
        if what == "note":
            Note.objects.create(contact=contact, author=self.user, text=f"catatan {option}")
        elif what == "consent":
            Consent.objects.create(contact=contact, given=True, at=minutes(at), source="admin")
        elif what == "opt out":
            edit_contact(contact, actor=self.user, origin="admin", opted_out=True)
        elif what == "edit":
            values = [{"name": "Ibu Ana"}, {"assigned_to": self.agents[at % 2]}, {"follow_up_at": minutes(at)}]
            edit_contact(contact, actor=self.user, origin="admin", **(values[option % 3]))
        elif what == "campaign":
            CampaignTouch.objects.create(contact=contact, campaign=self.campaigns[2], at=minutes(at), method=MANUAL)
            set_first_touch([contact.pk])
        elif what == "archive":
            edits.archive(contact, actor=self.user, origin="admin")
            projections.refresh([contact.pk])
            staleness.close_settled(timezone.now(), contact_ids=[contact.pk])
        elif what == "snooze":
            for spell in CleanSpell.objects.filter(contact=contact, ended_at__isnull=True)[:1]:
                staleness.snooze(contact=contact, label=spell.label, actor=self.user, reason="masih")


LABELS = {"0": "Hot", "1": "Grade A", "2": "Grade B", "3": "Selesai"}
TELLINGS = st.tuples(
    st.sampled_from(["in", "in", "out", "on", "on", "off", "stop"]), st.integers(0, 2), st.integers(0, 1),
    st.integers(0, 60 * 24 * 20), st.integers(0, 3),
)  # fmt: skip
DEEDS = st.tuples(
    st.sampled_from(["note", "consent", "opt out", "edit", "edit", "campaign", "archive", "snooze"]),
    st.integers(0, 2), st.integers(0, 1), st.integers(0, 60 * 24 * 20), st.integers(0, 3),
)  # fmt: skip


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@settings(
    max_examples=300 if is_full_run() else 10, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    told=st.lists(TELLINGS, max_size=14),
    deeds=st.lists(DEEDS, max_size=8),
    survivor=st.sampled_from([0, 1]),
    chain=st.sampled_from(["", "into survivor", "into merged", "survivor into it"]),
)
def test_merge_then_undo_equals_never_merged(
    shop: Shop, told: list[Any], deeds: list[Any], survivor: int, chain: str
) -> None:
    with transaction.atomic():
        for who in range(3):
            shop.hear(("out", who, 0, 60 * who, 0))
        for one in told:
            shop.hear(one)
        staleness.flag_stale(timezone.now())
        for deed in deeds:
            shop.do(deed)
        staleness.flag_stale(timezone.now())  # undoing brings flags up to date, as the night does
        stays, goes, third = shop.contact(survivor).pk, shop.contact(1 - survivor).pk, shop.contact(2).pk
        if chain.startswith("into"):
            into = stays if chain == "into survivor" else goes
            merging.merge(survivor_id=into, merged_id=third, reason="by_hand", actor=None)
        before = everything()
        records = [merging.merge(survivor_id=stays, merged_id=goes, reason="by_hand", actor=None)]
        if chain == "survivor into it":
            records.append(merging.merge(survivor_id=third, merged_id=stays, reason="by_hand", actor=None))
        assert rebuild(write=False) == 0
        assert not {row.pk for row in Contact.objects.all()} & {goes}
        for record in reversed(records):
            merging.unmerge(record=record, actor=None)
        assert everything(besides={record.pk for record in records}) == before
        assert rebuild(write=False) == 0
        transaction.set_rollback(True)


def test_a_campaign_that_the_other_ones_earlier_message_made_void_comes_back(shop: Shop) -> None:
    shop.hear(("in", 1, 0, 60, 1))
    shop.hear(("in", 0, 0, 90, 2))
    tell(shop.channels[0], message(CHATS[0], 80, text="dua"))
    ana, lid = shop.contact(0), shop.contact(1)
    CampaignRule.objects.create(campaign=shop.campaigns[2], kind="keyword", pattern="dua")
    tell(shop.channels[0], message(CHATS[0], 70, text="dua"))
    before = everything()
    touched = CampaignTouch.objects.filter(contact=ana, method="keyword").get()
    CampaignRule.objects.update(active=False)  # what was recognised then is not looked for again
    record = merged(ana, lid)
    assert not CampaignTouch.objects.filter(pk=touched.pk).exists()
    merging.unmerge(record=record, actor=None)
    assert everything(besides={record.pk}) == before


# -- What came after --------------------------------------------------------------------------------------------------


@pytest.fixture
def two(shop: Shop) -> tuple[Contact, Contact]:
    """Ana with a phone, who was merged into by somebody known by a LID alone."""
    for who in (0, 1):
        shop.hear(("in", who, 0, 60 * (who + 1), 0))
        shop.hear(("on", who, 0, 100 + who, who))
    return shop.contact(0), shop.contact(1)


def merged(survivor: Contact, other: Contact) -> ContactMerge:
    return merging.merge(survivor_id=survivor.pk, merged_id=other.pk, reason="by_hand", actor=None)


def test_what_came_after_goes_to_the_identity_it_came_by(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    record = merged(ana, lid)
    shop.hear(("in", 1, 1, 9000, 1))
    shop.hear(("on", 1, 1, 9001, 2))
    shop.hear(("out", 0, 0, 9500, 0))
    merging.unmerge(record=record, actor=None)
    ana.refresh_from_db()
    lid.refresh_from_db()
    assert (ana.last_inbound_at, ana.last_outbound_at) == (minutes(60), minutes(9500))
    assert (lid.last_inbound_at, lid.last_outbound_at) == (minutes(9000), None)
    assert Message.objects.get(at=minutes(9000)).contact == lid
    assert set(lid.on_channels.values_list("channel__key", "first_seen_at", "last_inbound_at")) == {
        ("cs1", minutes(101), minutes(120)),
        ("cs2", minutes(9000), minutes(9000)),
    }
    assert set(ana.on_channels.values_list("channel__key", flat=True)) == {"cs1"}
    assert LabelAssignment.objects.get(added_at=minutes(9001)).contact == lid
    assert rebuild(write=False) == 0


def test_what_a_person_wrote_after_stays_with_the_survivor(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    record = merged(ana, lid)
    for deed in ("note", "opt out", "campaign"):
        shop.do((deed, 0, 0, 200, 0))
    edit_contact(ana, actor=shop.user, origin="admin", name="Ibu Ana", assigned_to=shop.agents[0])
    merging.unmerge(record=record, actor=None)
    ana.refresh_from_db()
    lid.refresh_from_db()
    assert (ana.name, ana.assigned_to, ana.opted_out_at) == ("Ibu Ana", shop.agents[0], NOW)
    assert (lid.name, lid.assigned_to, lid.opted_out_at) == ("", None, None)
    assert ana.campaign == shop.campaigns[2]
    for model in (Note, Consent):
        assert model.objects.get().contact == ana


def test_a_campaign_that_a_later_message_brought_leaves_with_it(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    record = merged(ana, lid)
    tell(shop.channels[0], message(CHATS[1], 5000, ad=AdReferral(source_id="ad-1")))
    ana.refresh_from_db()
    assert ana.campaign == shop.campaigns[1]
    merging.unmerge(record=record, actor=None)
    ana.refresh_from_db()
    lid.refresh_from_db()
    assert (ana.campaign, lid.campaign) == (None, shop.campaigns[1])


def test_the_archived_one_comes_back_archived_and_its_label_shows_meanwhile(
    shop: Shop, two: tuple[Contact, Contact]
) -> None:
    ana, lid = two
    edits.archive(ana, actor=shop.user, origin="admin")
    archived_at = Contact.all_objects.get(pk=ana.pk).deleted_at
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        tell(shop.channels[0], seen(person(ANA, lid=CHATS[1].lid or "")))
    assert Contact.objects.get() == lid
    assert Contact.objects.get().phone == ANA
    assert LabelAssignment.objects.filter(contact=lid).count() == 2
    assert CleanSpell.objects.filter(contact=lid).exists()
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    ana = Contact.all_objects.get(pk=ana.pk)
    assert (ana.deleted_at, ana.merged_into, ana.phone) == (archived_at, None, ANA)
    assert Contact.objects.get().phone == ""
    assert not CleanSpell.objects.filter(contact=ana).exists()


def test_of_two_archived_ones_the_one_that_stays_is_archived_too(shop: Shop, two: tuple[Contact, Contact]) -> None:
    Contact.objects.update(deleted_at=NOW)
    tell(shop.channels[0], seen(person(ANA, lid=CHATS[1].lid or "")))
    assert not Contact.objects.exists()
    assert ContactMerge.objects.get().survivor == two[0]


def test_a_change_of_number_to_that_of_an_archived_contact_keeps_the_living_one(shop: Shop) -> None:
    for who in (0, 2):
        shop.hear(("in", who, 0, 60, 0))
    edits.archive(shop.contact(2), actor=shop.user, origin="admin")
    tell(shop.channels[0], changed(person(ANA), person(CITRA), 500))
    assert (Contact.objects.get().pk, Contact.objects.get().phone) == (shop.contact(0).pk, CITRA)


def test_an_earlier_merge_is_not_undone_before_the_later_one_that_stands_on_it(shop: Shop) -> None:
    for who in range(3):
        shop.hear(("in", who, 0, 60, 0))
    ana, lid, citra = (shop.contact(who) for who in range(3))
    first = merged(ana, lid)
    second = merged(citra, ana)
    with override("en"), pytest.raises(ValidationError, match=f"contact {ana.pk} into contact {citra.pk}") as refused:
        merging.unmerge(record=first, actor=None)
    assert refused.value.code == "undo_first"
    merging.unmerge(record=second, actor=None)
    merging.unmerge(record=first, actor=None)
    assert Contact.objects.count() == 3


def test_nobody_is_merged_twice_nor_into_themselves(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    with pytest.raises(ValidationError):
        merged(ana, ana)
    merged(ana, lid)
    for one, other in ((ana, lid), (lid, ana)):
        with pytest.raises(ValidationError):
            merged(one, other)


def test_a_name_typed_by_a_person_goes_before_one_that_whatsapp_told(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    tell(shop.channels[0], message(CHATS[0], 300, contact_name="ana_92"))
    edit_contact(lid, actor=shop.user, origin="admin", name="Ibu Ana")
    record = merged(ana, lid)
    ana.refresh_from_db()
    assert (ana.name, ana.name_source) == ("Ibu Ana", "person")
    merging.unmerge(record=record, actor=None)
    ana.refresh_from_db()
    assert (ana.name, ana.name_source, ana.name_at) == ("ana_92", "whatsapp", minutes(300))


def test_a_flag_that_was_snoozed_meanwhile_is_not_opened_again(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    Label.objects.update(stale_after_days=7)
    staleness.flag_stale(timezone.now())
    assert StaleFlag.objects.filter(closed_at=None).count() == 2
    record = merged(ana, lid)
    hot = LabelAssignment.objects.get(added_at=minutes(100)).label
    staleness.snooze(contact=ana, label=hot, actor=shop.user, reason="masih")
    merging.unmerge(record=record, actor=None)
    assert list(StaleFlag.objects.filter(closed_at=None).values_list("contact", flat=True)) == [lid.pk]


def test_a_flag_that_the_other_ones_snooze_closed_is_open_again(shop: Shop, two: tuple[Contact, Contact]) -> None:
    ana, lid = two
    shop.hear(("on", 1, 0, 110, 0))
    hot = LabelAssignment.objects.get(contact=ana).label
    staleness.flag_stale(timezone.now())
    staleness.snooze(contact=lid, label=hot, actor=shop.user, reason="masih")
    flag = StaleFlag.objects.get(contact=ana, closed_at=None)
    record = merged(ana, lid)
    flag.refresh_from_db()
    assert flag.closed_reason == "snoozed"
    merging.unmerge(record=record, actor=None)
    flag.refresh_from_db()
    assert flag.closed_at is None


def test_the_audit_rows_of_a_merge_hold_ids_only(shop: Shop, two: tuple[Contact, Contact]) -> None:
    record = merged(*two)
    merging.unmerge(record=record, actor=None)
    rows = AuditEntry.objects.filter(action__in=["contact.merged", "contact.unmerged"])
    assert [row.details for row in rows.order_by("id")] == [
        {"merged": two[1].pk, "reason": "by_hand", "record": record.pk},
        {"merged": two[1].pk, "record": record.pk},
    ]
    assert not any(ANA in f"{row.object_name}{row.details}" for row in rows)


def test_a_merge_from_before_merges_kept_what_they_changed_is_undone_by_identity(
    shop: Shop, two: tuple[Contact, Contact]
) -> None:
    ana, lid = two
    record = merged(ana, lid)
    ContactMerge.objects.update(moved={}, before={})
    merging.unmerge(record=record, actor=None)
    lid.refresh_from_db()
    assert (lid.lid, lid.last_inbound_at, lid.deleted_at) == (CHATS[1].lid, minutes(120), None)
    assert {row.contact for row in LabelAssignment.objects.all()} == {ana, lid}
