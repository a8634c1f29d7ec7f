"""Cases 21, 24-27, 29, 31 and 45: who is who, by which name, on which number, and who is nobody."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import CampaignRule, CampaignTouch, Channel, Contact, ContactIdentity, ContactMerge, Message
from labels.models import Label, LabelAssignment, LabelEvent, LabelSpell, StaleFlag
from labels.services import merging, projections, staleness
from tests.adversarial.number import BUDI, BUDI_LID, SITI, WITH_LABELS, Number, crossed, minutes, reasons, states
from tests.factories import CampaignFactory
from tests.webhooks.gateways.payloads import Ad, Post
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

NOBODY = {
    "120363000000000001@g.us": "group",
    "120363000000000002@newsletter": "newsletter",
    "1700000000@broadcast": "broadcast",
    "status@broadcast": "status",
    "13135550002@s.whatsapp.net": "other",
    "867051314767696@bot": "other",
    "0@s.whatsapp.net": "other",
    "6281290001111@msgr": "other",
    "6281200000001@s.whatsapp.net": "own_number",
}
UNREADABLE = (
    "",
    "budi",
    "abc@s.whatsapp.net",
    "12@c.us",
    "1" * 40 + "@s.whatsapp.net",
    "x@lid",
    "@",
    "628@",
    "a@b@c.us",
)


@pytest.mark.parametrize(("nobody", "gateway"), crossed(NOBODY.items(), WITH_LABELS), ids=str)
def test_case_21_what_is_no_person_is_acknowledged_and_leaves_only_its_reason(
    nobody: tuple[str, str], gateway: str
) -> None:
    chat, reason = nobody
    number = Number(gateway)
    if reason == "own_number" and number.gateway in ("wuzapi", "wppconnect", "generic"):
        number.take(number.say.message(SITI, from_me=True, at=minutes(0)))  # here the number tells itself by speaking
        number.channel.refresh_from_db()
        number.channel.own_phone = "+6281200000001"  # ... the bridge does not even then
        number.channel.save()
    people = Contact.all_objects.count()
    number.label(chat, "7", minutes(1))
    number.drain()
    row = InboundEvent.objects.latest("id")
    assert (row.state, row.reason, bytes(row.body), row.headers) == ("ignored", reason, b"", {})
    assert Contact.all_objects.count() == people
    assert not LabelEvent.objects.exists()


def test_case_21_a_number_learns_who_it_is_for_the_whole_batch_that_tells_it() -> None:
    number = Number("wuzapi")
    number.label("6281200000001", "7", minutes(0))
    number.hear(number.say.message(SITI, from_me=True, at=minutes(1)))
    number.label("6281200000001", "7", minutes(2))
    number.drain()
    assert [state for state, reason in reasons() if reason == "own_number"] == ["ignored"] * 2
    assert list(Contact.all_objects.values_list("phone", flat=True)) == [f"+{SITI}"]


@pytest.mark.parametrize(
    ("gateway", "path"),
    [
        ("waha", ("payload", "id")), ("gowa", ("payload", "id")), ("wuzapi", ("event", "Info", "ID")),
        ("evolution", ("data", "key", "id")), ("wppconnect", ("id",)), ("generic", ("message", "id")),
    ],
)  # fmt: skip
def test_case_21_a_group_message_that_cannot_be_read_is_not_kept_either(gateway: str, path: tuple[str, ...]) -> None:
    number = Number(gateway)

    def spoil(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = None

    group, person = (number.say.message(chat, at=minutes(1)) for chat in ("120363000000000001@g.us", BUDI))
    number.take(*(number.edited(post, spoil) for post in (group, person)))
    kept = list(InboundEvent.objects.order_by("id"))
    assert [(row.state, bool(bytes(row.body))) for row in kept] == [("ignored", False), ("parked", True)]


def test_case_21_a_group_message_of_another_session_is_not_kept_either() -> None:
    number = Number("waha")
    Channel.objects.update(session="lain")
    number.take(number.say.message("120363000000000001@g.us", at=minutes(1)))
    row = InboundEvent.objects.get()
    assert (row.state, row.reason, bytes(row.body)) == ("ignored", "group", b"")


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution", "wppconnect"])
def test_case_21_a_message_in_a_group_makes_nobody_a_contact(gateway: str) -> None:
    number = Number(gateway)
    number.take(number.say.message("120363000000000001@g.us", at=minutes(1)))
    assert reasons() == [("ignored", "group")]
    assert not Contact.all_objects.exists()


@pytest.mark.parametrize("gateway", WITH_LABELS)
def test_case_24_a_lid_whose_phone_nobody_told_is_a_contact_without_one(gateway: str) -> None:
    number = Number(gateway)
    number.label(BUDI_LID, "7", minutes(1))
    number.drain()
    contact = Contact.objects.get()
    assert (contact.phone, contact.lid) == ("", BUDI_LID.removesuffix("@lid"))
    assert number.spans() == [(minutes(1), None)]


def with_key(**more: Any) -> Callable[[Any], None]:
    """An engine that tells the chat's other address in the message key (Baileys: `remoteJidAlt`, `senderPn`)."""

    def change(content: Any) -> None:
        places = [content.get("payload", {}).get("_data", {}), content.get("data", {})]
        for place in places:
            if "key" in place:
                place["key"] |= more

    return change


def gowa_label(number: Number) -> Post:
    return number.say.label_on_chat(BUDI, "8", on=True, at=minutes(9), chat_lid=BUDI_LID)


def gowa_message(number: Number) -> Post:
    return number.say.message(BUDI, at=minutes(9), from_lid=BUDI_LID)


def gowa_own_message(number: Number) -> Post:
    return number.say.message(BUDI, at=minutes(9), from_me=True, chat_lid=BUDI_LID)


def wuzapi_message(number: Number) -> Post:
    return number.say.message(BUDI_LID, at=minutes(9), SenderAlt=f"{BUDI}:3@s.whatsapp.net", AddressingMode="lid")


def wuzapi_own_message(number: Number) -> Post:
    alternatives = {"RecipientAlt": f"{BUDI}@s.whatsapp.net", "SenderAlt": "99887766554433:3@lid"}
    return number.say.message(BUDI_LID, at=minutes(9), from_me=True, **alternatives)


def wuzapi_phone_message(number: Number) -> Post:
    return number.say.message(BUDI, at=minutes(9), SenderAlt=BUDI_LID, AddressingMode="pn")


def waha_message(number: Number) -> Post:
    return number.edited(number.say.message(BUDI_LID, at=minutes(9)), with_key(remoteJidAlt=f"{BUDI}@s.whatsapp.net"))


def waha_own_message(number: Number) -> Post:
    told = number.say.message(BUDI_LID, from_me=True, at=minutes(9))
    return number.edited(told, with_key(remoteJidAlt=f"{BUDI}@s.whatsapp.net"))


def evolution_message(number: Number) -> Post:
    return number.edited(number.say.message(BUDI_LID, at=minutes(9)), with_key(remoteJidAlt=f"{BUDI}@s.whatsapp.net"))


def evolution_sender(number: Number) -> Post:
    return number.edited(number.say.message(BUDI_LID, at=minutes(9)), with_key(senderPn=f"{BUDI}@s.whatsapp.net"))


def evolution_contact(number: Number) -> Post:
    told = {"remoteJid": f"{BUDI}@s.whatsapp.net", "lid": BUDI_LID, "pushName": "Budi"}
    return number.say.event("contacts.upsert", [told], at=minutes(9))


def bridge_label(number: Number) -> Post:
    return number.say.event("label.added", at=minutes(9), chat=BUDI_LID, phone=BUDI, label={"id": "8"})


TEACHERS = [
    ("gowa", gowa_label), ("gowa", gowa_message), ("gowa", gowa_own_message), ("wuzapi", wuzapi_message),
    ("wuzapi-form", wuzapi_own_message), ("wuzapi", wuzapi_phone_message), ("waha", waha_message),
    ("waha", waha_own_message), ("evolution", evolution_message), ("evolution", evolution_sender),
    ("evolution", evolution_contact), ("generic", bridge_label),
]  # fmt: skip
TEACHER_IDS = [f"{gateway}-{teach.__name__}" for gateway, teach in TEACHERS]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("gateway", "teach"), TEACHERS, ids=TEACHER_IDS)
def test_case_25_a_lid_that_learns_its_phone_joins_the_contact_with_that_phone(
    gateway: str, teach: Callable[[Number], Post], together: bool
) -> None:
    number = Number(gateway)
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI_LID, "7", minutes(3))
    number.label(BUDI, "7", minutes(5), on=False)
    number.label(BUDI_LID, "9", minutes(6))
    if not together:
        number.drain()
        assert Contact.objects.count() == 2
    number.take(teach(number))
    person = Contact.objects.get()
    assert (person.phone, person.lid) == (f"+{BUDI}", BUDI_LID.removesuffix("@lid"))
    of_before = [row for row in number.intervals() if row[1] != "8"]
    assert of_before == [
        (f"+{BUDI}", "7", minutes(1), minutes(5)),
        (f"+{BUDI}", "9", minutes(6), None),
    ]
    assert not LabelSpell.objects.exclude(contact=person).exists()


@pytest.mark.parametrize(("gateway", "teach"), TEACHERS, ids=TEACHER_IDS)
def test_case_25_a_lid_alone_learns_its_phone_and_stays_the_same_contact(
    gateway: str, teach: Callable[[Number], Post]
) -> None:
    number = Number(gateway)
    number.label(BUDI_LID, "9", minutes(6))
    number.drain()
    before = Contact.objects.get().pk
    number.take(teach(number))
    person = Contact.objects.get()
    assert (person.pk, person.phone) == (before, f"+{BUDI}")
    assert not ContactMerge.objects.exists()


def test_case_25_a_merge_can_be_taken_back_with_all_its_labels() -> None:
    number = Number("gowa")
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI_LID, "7", minutes(3))
    number.label(BUDI, "7", minutes(5), on=False)
    number.hear(number.say.message(BUDI_LID, message_id="A1", at=minutes(4)))
    number.drain()
    apart = number.intervals()
    number.take(gowa_message(number))
    merge = ContactMerge.objects.get()
    assert len(number.intervals()) == 1
    merging.unmerge(record=merge, actor=None)
    assert number.intervals() == apart
    assert Message.objects.get(external_id="A1").contact_id == merge.merged_id
    assert Contact.objects.count() == 2


def test_case_25_two_whom_a_person_parted_stay_two_whatever_the_gateway_says_again() -> None:
    number = Number("gowa")
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI_LID, "7", minutes(3))
    number.drain()
    number.take(gowa_message(number))
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    number.take(number.say.message(BUDI, message_id="A9", at=minutes(19), from_lid=BUDI_LID))
    assert Contact.objects.count() == 2
    assert Message.objects.get(external_id="A9").contact.phone == f"+{BUDI}"


@pytest.mark.parametrize(("gateway", "teach"), TEACHERS, ids=TEACHER_IDS)
def test_case_25_a_living_contact_does_not_vanish_into_an_archived_one(
    gateway: str, teach: Callable[[Number], Post]
) -> None:
    number = Number(gateway)
    number.label(BUDI, "7", minutes(1))
    number.drain()
    Contact.objects.update(deleted_at=timezone.now())
    projections.refresh([Contact.all_objects.get().pk])
    number.label(BUDI_LID, "9", minutes(6))
    number.take(teach(number))
    person = Contact.objects.get()
    assert (person.phone, person.lid) == (f"+{BUDI}", BUDI_LID.removesuffix("@lid"))
    assert {row.channel_label.external_id for row in LabelAssignment.objects.filter(contact=person)} >= {"7", "9"}
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    assert [contact.is_archived for contact in Contact.all_objects.order_by("id")] == [True, False]


@pytest.mark.parametrize("first", [BUDI, BUDI_LID])
@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution", "wppconnect"])
def test_case_25_one_message_told_under_two_addresses_is_one_persons(gateway: str, first: str) -> None:
    number = Number(gateway)
    second = BUDI if first == BUDI_LID else BUDI_LID
    number.label(first, "7", minutes(1))
    for chat in (first, second):
        number.take(number.say.message(chat, message_id="3EB0C767D26A1D8F5A3C", at=minutes(2), text="Halo"))
    person = Contact.objects.get()
    assert (person.phone, person.lid) == (f"+{BUDI}", BUDI_LID.removesuffix("@lid"))
    assert Message.objects.get().contact == LabelAssignment.objects.get().contact == person


def test_case_25_of_two_first_messages_the_earlier_attributes_the_contact() -> None:
    """Each attributes its own contact again after the merge is undone."""
    for code, word in (("a", "satu"), ("b", "dua")):
        CampaignRule.objects.create(campaign=CampaignFactory(code=code), kind="keyword", pattern=word)
    number = Number("gowa")
    number.hear(number.say.message(BUDI, message_id="A1", at=minutes(1), text="satu"))
    number.hear(number.say.message(BUDI_LID, message_id="A2", at=minutes(2), text="dua"))
    number.hear(number.say.message(BUDI_LID, message_id="A3", at=minutes(3), ad=Ad()))
    number.drain()
    apart = sorted(CampaignTouch.objects.values_list("contact", "campaign__code", "message__external_id"), key=str)
    campaigns = dict(Contact.objects.values_list("id", "campaign__code"))
    assert len(apart) == 3
    number.take(gowa_label(number))
    assert {touch.message.external_id for touch in CampaignTouch.objects.filter(contact=Contact.objects.get())} == {
        "A1",
        "A3",
    }
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    touches = CampaignTouch.objects.values_list("contact", "campaign__code", "message__external_id")
    assert sorted(touches, key=str) == apart
    assert dict(Contact.objects.values_list("id", "campaign__code")) == campaigns


def test_case_25_a_label_said_to_be_still_right_stays_so_after_a_merge() -> None:
    number = Number("gowa")
    number.hear(number.say.label_saved("7", name="Hot", at=minutes(0)))
    number.label(BUDI, "1", minutes(1))
    number.label(BUDI_LID, "7", minutes(3))
    number.drain()
    hot = Label.objects.get(name_en="Hot prospect")
    staleness.snooze(contact=Contact.objects.get(phone=""), label=hot, actor=None, reason="masih")
    number.take(gowa_message(number))
    assert staleness.flag_stale(timezone.now()).open == 0


def test_case_25_a_label_that_a_merge_takes_off_is_not_stale_any_more() -> None:
    number = Number("gowa")
    number.hear(number.say.label_saved("7", name="Hot", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI_LID, "7", minutes(3))
    number.label(BUDI_LID, "7", minutes(5), on=False)
    number.drain()
    assert staleness.flag_stale(timezone.now()).flagged == 1
    number.take(gowa_message(number))
    assert not StaleFlag.objects.filter(closed_at=None).exists()


def test_case_25_a_merge_seen_by_one_number_joins_the_labels_of_all_numbers() -> None:
    first, second = Number("gowa", "cs1"), Number("waha", "cs2", own="6281200000002")
    first.label(BUDI, "7", minutes(1))
    second.label(BUDI_LID, "4", minutes(2))
    for number in (first, second):
        number.drain()
    first.take(gowa_message(first))
    assert {row.contact.phone for row in LabelAssignment.objects.select_related("contact")} == {f"+{BUDI}"}
    second.label(BUDI_LID, "4", minutes(10), on=False)
    second.drain()
    assert second.intervals() == [(f"+{BUDI}", "4", minutes(2), minutes(10))]


def test_case_26_a_new_lid_of_a_known_phone_is_the_same_contact() -> None:
    number = Number("gowa")
    for n, lid in enumerate(("111111111111111@lid", "222222222222222@lid")):
        number.label(BUDI, str(n), minutes(n + 1), chat_lid=lid)
    number.drain()
    number.label("222222222222222@lid", "7", minutes(9))
    number.drain()
    person = Contact.objects.get()
    assert (person.phone, person.lid) == (f"+{BUDI}", "111111111111111")
    assert ContactIdentity.objects.filter(contact=person, kind="lid").count() == 2
    assert len(number.intervals()) == 3


def test_case_26_two_people_with_a_phone_each_are_never_made_one() -> None:
    number = Number("gowa")
    number.label(BUDI, "7", minutes(1), chat_lid=BUDI_LID)
    number.label(SITI, "7", minutes(2))
    number.drain()
    number.label(SITI, "8", minutes(3), chat_lid=BUDI_LID)
    number.drain()
    assert Contact.objects.count() == 2
    assert not ContactMerge.objects.exists()
    assert [row[:2] for row in number.intervals()] == [(f"+{BUDI}", "7"), (f"+{SITI}", "7"), (f"+{SITI}", "8")]


def test_case_27_every_spelling_of_a_number_is_one_contact() -> None:
    spellings = {
        "waha": ["6281290001111@c.us", "6281290001111:12@s.whatsapp.net", "6281290001111@hosted"],
        "gowa": ["6281290001111@s.whatsapp.net", "6281290001111.0:5@s.whatsapp.net", "+6281290001111"],
        "generic": ["+62 812-9000-1111", "081290001111", "6281290001111", "0812 9000 1111", "(+62) 812 9000 1111"],
    }
    for n, (gateway, chats) in enumerate(spellings.items()):
        number = Number(gateway, f"cs{n}", own=f"628120000000{n}")
        for label, chat in enumerate(chats):
            number.label(chat, str(label), minutes(label + 1))
        number.drain()
    assert Contact.objects.get().phone == "+6281290001111"
    assert LabelAssignment.objects.count() == 11


@pytest.mark.parametrize(
    ("chat", "gateway"), crossed(UNREADABLE, ("waha", "gowa", "wuzapi", "evolution", "generic")), ids=repr
)
def test_case_29_an_unreadable_chat_is_kept_where_people_see_it(chat: str, gateway: str) -> None:
    number = Number(gateway)

    def misname(content: Any) -> None:
        _replace(content, BUDI, chat)

    number.take(number.edited(number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1)), misname))
    row = InboundEvent.objects.get()
    assert row.state == "parked"
    assert "chat" in row.reason or "number" in row.reason
    assert not Contact.all_objects.exists()
    assert replay(InboundEvent.objects.filter(state="parked"), actor=None) == 1
    number.drain()
    assert states() == ["parked"]


def _replace(value: Any, old: str, new: str) -> None:
    for key, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, str) and item.split("@")[0] == old:
            value[key] = new
        _replace(item, old, new)


NO_NAMES = ("6281290001111", "+62 812-9000-1111", "", "   ", "6281290001111@s.whatsapp.net")


@pytest.mark.parametrize(
    ("name", "gateway"), crossed(NO_NAMES, ("waha", "gowa", "wuzapi", "evolution", "wppconnect")), ids=repr
)
def test_case_31_a_number_for_a_name_overwrites_no_name(name: str, gateway: str) -> None:
    number = Number(gateway)
    number.take(number.say.message(BUDI, message_id="A1", name="Budi Santoso", at=minutes(1)))
    number.take(number.say.message(BUDI, message_id="A2", name=name, at=minutes(2)))
    assert Contact.objects.get().name == "Budi Santoso"
    assert Message.objects.count() == 2


def test_case_31_voce_is_nobodys_name() -> None:
    number = Number("evolution")
    number.take(number.say.message(BUDI, message_id="A1", name="Budi", at=minutes(1)))
    number.take(number.say.message(BUDI, message_id="A2", from_me=True, at=minutes(2)))
    number.take(number.say.message(BUDI, message_id="A3", name="Você", at=minutes(3)))
    number.take(number.say.event("contacts.update", [{"remoteJid": f"{BUDI}@s.whatsapp.net", "pushName": "Você"}]))
    assert Contact.objects.get().name == "Budi"


def test_case_31_an_older_name_that_comes_late_does_not_win() -> None:
    number = Number("gowa")
    number.take(number.say.message(BUDI, message_id="A2", name="Budi Santoso", at=minutes(2)))
    number.take(number.say.message(BUDI, message_id="A1", name="Budi", at=minutes(1)))
    assert Contact.objects.get().name == "Budi Santoso"


def test_case_31_a_name_told_again_is_as_young_as_its_last_telling() -> None:
    number = Number("gowa")
    for n, (name, at) in enumerate([("Budi", 1), ("Budi", 10), ("Bud", 5)]):
        number.take(number.say.message(BUDI, message_id=f"A{n}", at=minutes(at), name=name))
    assert Contact.objects.get().name == "Budi"


def test_case_31_an_address_book_makes_nobody_a_contact() -> None:
    number = Number("evolution")
    book = [{"remoteJid": f"{phone}@s.whatsapp.net", "pushName": "Nama"} for phone in (BUDI, SITI)]
    number.take(number.say.event("contacts.upsert", book, at=minutes(1)))
    assert not Contact.all_objects.exists()


@pytest.mark.parametrize("pair", list(itertools.combinations(("waha", "gowa", "wuzapi", "evolution"), 2)), ids=str)
def test_case_45_a_customer_of_two_numbers_is_one_contact_with_two_intervals(pair: tuple[str, str]) -> None:
    numbers = [
        Number(gateway, f"cs{n}", own=f"628120000000{n}", agent=agent)
        for n, (gateway, agent) in enumerate(zip(pair, ("rina", "dewi"), strict=True))
    ]
    for number in numbers:
        number.hear(number.say.label_saved("21", name="Hot" if number is numbers[0] else "Lunas", at=minutes(0)))
        number.label(BUDI, "21", minutes(1))
        number.drain()
    rows = LabelAssignment.objects.order_by("channel__key").values_list(
        "contact__phone", "channel__key", "label__name", "added_by__name", "removed_at"
    )
    assert list(rows) == [
        (f"+{BUDI}", "cs0", "Prospek panas", "Rina", None),
        (f"+{BUDI}", "cs1", "Selesai", "Dewi", None),
    ]
    numbers[0].label(BUDI, "21", minutes(5), on=False)
    numbers[0].drain()
    assert [number.spans() for number in numbers] == [[(minutes(1), minutes(5))], [(minutes(1), None)]]
