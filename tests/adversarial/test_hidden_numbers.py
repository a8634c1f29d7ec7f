"""Somebody without a number on Meta's Cloud API, from the first message to a change of number, over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from contacts.models import Contact, ContactChannel, ContactMerge, Message
from labels.models import LabelAssignment, LabelEvent
from labels.services import merging
from tests.adversarial.number import BUDI, SITI, Number, minutes, states
from tests.api.conftest import client_of, rows
from tests.crm_labels import label_in_the_crm
from tests.factories import UserFactory
from tests.webhooks.gateways.mutations import mutated
from tests.webhooks.gateways.test_cloudapi_profiles import story
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

ID, NEW_ID = "ID.13491208655302741918", "ID.99991208655302741918"


@pytest.fixture
def number() -> Number:
    return Number("cloudapi", agent="rina", team="Sales")


def labels_of(contact: Contact) -> list[str]:
    active = LabelAssignment.objects.filter(contact=contact, removed_at__isnull=True)
    return list(active.values_list("label__name", flat=True))


@pytest.mark.parametrize("known_before", [False, True], ids=["a stranger's number", "a number that wrote before"])
def test_a_person_without_a_number_is_one_contact_from_beginning_to_end(number: Number, known_before: bool) -> None:
    if known_before:
        number.take(number.say.message(BUDI, message_id="old", at=minutes(-600), name="Budi"))
    number.take(number.say.written_by(ID, message_id="a", at=minutes(0), username="budi.kopi"))
    number.take(number.say.echo_to(ID, message_id="b", at=minutes(3)))
    hidden = Contact.objects.get(username="budi.kopi")
    assert (hidden.phone, hidden.user_id, str(hidden)) == ("", ID, "Budi")
    assert (hidden.first_inbound_at, hidden.last_outbound_at) == (minutes(0), minutes(3))
    label_in_the_crm(hidden, minutes(10))

    number.take(number.say.written_by(ID, phone=BUDI, message_id="c", at=minutes(60)))
    contact = Contact.objects.get()
    assert (contact.phone, contact.user_id, contact.username) == (f"+{BUDI}", ID, "budi.kopi")
    first = minutes(-600) if known_before else minutes(0)
    times = (contact.first_seen_at, contact.first_inbound_at, contact.last_inbound_at, contact.last_outbound_at)
    assert times == (first, first, minutes(60), minutes(3))
    link = ContactChannel.objects.get(channel=number.channel)
    assert (link.first_inbound_at, link.last_inbound_at, link.last_outbound_at) == (first, minutes(60), minutes(3))
    assert labels_of(contact) == ["Grade A"]
    assert Message.objects.filter(contact=contact).count() == Message.objects.count() == 3 + known_before

    number.take(
        number.say.system(
            "user_changed_number", at=minutes(90), **{"from": BUDI}, wa_id=SITI, user_id=NEW_ID, previous_user_id=ID
        )
    )
    number.take(number.say.written_by(NEW_ID, message_id="d", at=minutes(100), username="budi.kopi"))
    contact = Contact.objects.get()
    assert (contact.phone, contact.user_id) == (f"+{SITI}", NEW_ID)
    assert (contact.last_inbound_at, labels_of(contact)) == (minutes(100), ["Grade A"])
    owner = client_of(UserFactory(role="owner"))
    for asked in ({"phone": BUDI}, {"phone": SITI}, {"user_id": ID}, {"user_id": NEW_ID}, {"username": "budi.kopi"}):
        assert [row["id"] for row in rows(owner, "contacts", **asked)] == [contact.pk]
    assert set(states()) == {"applied"}


def test_a_change_of_number_can_be_undone(number: Number) -> None:
    number.take(number.say.written_by(ID, phone=BUDI, message_id="a", at=minutes(0), name="Budi"))
    number.take(number.say.message(SITI, message_id="b", at=minutes(5), name="Siti"))
    budi, siti = Contact.objects.get(phone=f"+{BUDI}"), Contact.objects.get(phone=f"+{SITI}")
    label_in_the_crm(siti, minutes(6))
    number.take(number.say.system("user_changed_number", at=minutes(9), **{"from": BUDI}, wa_id=SITI))
    assert labels_of(Contact.objects.get()) == ["Grade A"]
    merging.unmerge(record=ContactMerge.objects.get(), actor=None)
    budi.refresh_from_db()
    siti.refresh_from_db()
    assert (budi.phone, budi.first_inbound_at, labels_of(budi)) == (f"+{BUDI}", minutes(0), [])
    assert (siti.phone, siti.first_inbound_at, labels_of(siti)) == (f"+{SITI}", minutes(5), ["Grade A"])


def test_the_same_posts_again_change_nothing(number: Number) -> None:
    posts = [
        number.say.written_by(ID, message_id="a", at=minutes(0)),
        number.say.echo_to(ID, message_id="b", at=minutes(3)),
        number.say.system("user_changed_user_id", at=minutes(5), previous_user_id=ID, user_id=NEW_ID),
        number.say.history(number.say.thread(NEW_ID, number.say.past("c", sender=NEW_ID, at=minutes(-600)))),
    ]
    number.take(*posts)
    before = Contact.objects.values().get()
    assert [number.send(post).status for post in posts] == [200] * 4
    replay(InboundEvent.objects.all(), actor=None)
    number.drain()
    after = Contact.objects.values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert set(states()) == {"applied"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_what_a_hidden_person_did_comes_to_the_same_in_any_order(number: Number, order: tuple[int, ...]) -> None:
    posts = [
        number.say.written_by(ID, message_id="a", at=minutes(0)),
        number.say.echo_to(ID, message_id="b", at=minutes(3)),
        number.say.written_by(ID, phone=BUDI, message_id="c", at=minutes(60)),
    ]
    for n in order:
        number.take(posts[n])
    contact = Contact.objects.get()
    assert (contact.phone, contact.user_id, contact.username) == (f"+{BUDI}", ID, "budi.kopi")
    assert (contact.first_inbound_at, contact.last_inbound_at) == (minutes(0), minutes(60))
    assert contact.last_outbound_at == minutes(3)


def test_notices_and_unknown_types_are_nobodys_message(number: Number) -> None:
    """Thirteen posts, three of which somebody wrote."""
    for n, kind in enumerate(("edit", "revoke", "pin", "keep_in_chat", "request_welcome", "ephemeral")):
        number.hear(number.say.written_by(ID, message_id=f"n{n}", at=minutes(50 + n), type=kind))
    for n, kind in enumerate(("customer_identity_changed", "user_identity_changed")):
        number.hear(number.say.system(kind, message_id=f"s{n}", at=minutes(60 + n), **{"from": BUDI}))
    status = {"id": "a", "status": "read", "recipient_user_id": ID}
    number.hear(number.say.changes(number.say.change("messages", statuses=[status])))
    pinned = {"type": "unsupported", "unsupported": {"type": "pin"}}
    number.hear(number.say.written_by(ID, message_id="p", at=minutes(70), **pinned))
    for n in range(3):
        number.hear(number.say.written_by(ID, message_id=f"m{n}", at=minutes(n)))
    number.drain()
    assert Message.objects.count() == 3
    assert Contact.objects.get().last_inbound_at == minutes(2)


def test_hostile_and_sloppy_posts_are_answered_and_stop_nothing(number: Number) -> None:
    contents = [json.loads(post.body) for post in story()]
    for broken in mutated(contents, seed=80, count=60):
        assert number.send(number.say.post(broken)).status in (200, 202, 400)
    number.take(number.say.written_by(ID, message_id="after", at=minutes(5) + timedelta(days=1)))
    assert Message.objects.filter(external_id="after").exists()
    assert not InboundEvent.objects.filter(state="pending").exists()
    assert not InboundEvent.objects.filter(reason__contains="Error").exists()
    assert not LabelEvent.objects.exists()
