"""From a webhook to a label: the main job, end to end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contacts.models import Channel, Contact, ContactMerge
from contacts.services.channels import connect
from labels.models import ChannelLabel, LabelAssignment, LabelEvent, LabelSpell
from labels.services.rebuilding import rebuild
from tests.webhooks.gateways.payloads import PAYLOADS, Account
from tests.webhooks.generic import Bridge
from tests.webhooks.posting import request
from webhooks.drain import lanes
from webhooks.models import InboundEvent
from webhooks.selectors import inbox_summary

pytestmark = pytest.mark.django_db

MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BUDI = "6281200000001"


def minutes(n: float) -> datetime:
    return MON + timedelta(minutes=n)


def intervals() -> list[tuple[datetime, datetime | None]]:
    return list(LabelAssignment.objects.order_by("added_at", "id").values_list("added_at", "removed_at"))


def states() -> list[str]:
    return list(InboundEvent.objects.order_by("id").values_list("state", flat=True))


@pytest.fixture
def bridge() -> Bridge:
    return Bridge(agent="rina", team="Sales")


def test_a_label_put_on_and_taken_off_is_an_interval_with_its_actor(bridge: Bridge) -> None:
    bridge.save("5", "Grade A", at=minutes(0))
    bridge.label("added", "5", BUDI, at=minutes(1))
    assert bridge.label("removed", "5", BUDI, at=minutes(9)).status == 202
    bridge.drain()
    row = LabelAssignment.objects.select_related("label", "added_by", "removed_by", "contact").get()
    assert (row.added_at, row.removed_at) == (minutes(1), minutes(9))
    assert row.label.name == "Grade A"
    assert (row.added_by.name, row.added_by_method, row.added_at_source) == ("Rina", "channel_owner", "gateway")
    assert (row.removed_by.name, row.removed_reason) == ("Rina", "removed")
    assert row.contact.phone == "+6281200000001"
    assert states() == ["applied"] * 3
    assert LabelSpell.objects.get().ended_at == minutes(9)


def test_a_removal_that_arrives_first_still_closes_the_interval(bridge: Bridge) -> None:
    bridge.label("removed", "5", BUDI, at=minutes(10))
    bridge.drain()
    assert intervals() == []
    bridge.label("added", "5", BUDI, at=minutes(5))
    bridge.drain()
    assert intervals() == [(minutes(5), minutes(10))]
    assert set(LabelEvent.objects.values_list("kind", "effect")) == {("add", "opened"), ("remove", "closed")}


def test_a_second_add_is_a_duplicate_and_keeps_the_first_time(bridge: Bridge) -> None:
    bridge.label("added", "5", BUDI, at=minutes(1))
    bridge.label("added", "5", BUDI, at=minutes(2))
    bridge.drain()
    assert intervals() == [(minutes(1), None)]
    assert states() == ["applied", "duplicate"]


def test_the_same_delivery_twice_is_answered_200_and_stored_once(bridge: Bridge) -> None:
    assert bridge.label("added", "5", BUDI, id="x1", at=minutes(1)).status == 202
    assert bridge.label("added", "5", BUDI, id="x1", at=minutes(1)).status == 200
    bridge.drain()
    summary = inbox_summary()
    assert (summary["applied"], summary["duplicate"], summary["pending"]) == (1, 1, 0)


def test_groups_are_ignored_and_leave_nothing_but_a_reason(bridge: Bridge) -> None:
    bridge.label("added", "5", "120363041234567890@g.us", at=minutes(1))
    bridge.drain()
    row = InboundEvent.objects.get()
    assert (row.state, row.reason, bytes(row.body)) == ("ignored", "group", b"")
    assert not Contact.all_objects.exists()


def test_a_deleted_label_ends_everywhere_and_its_id_may_live_again(bridge: Bridge) -> None:
    bridge.save("7", "Promo", at=minutes(0))
    bridge.label("added", "7", BUDI, at=minutes(1))
    bridge.post("label.deleted", label={"id": "7"}, at=minutes(5))
    bridge.label("added", "7", BUDI, at=minutes(6))
    bridge.save("7", "Hot", at=minutes(7))
    bridge.drain()
    assert intervals() == [(minutes(1), minutes(5)), (minutes(6), None)]
    old, new = LabelAssignment.objects.select_related("label").order_by("added_at")
    assert (old.removed_reason, old.channel_label_name, new.channel_label_name) == ("label_deleted", "Promo", "Hot")
    assert new.label.name == "Prospek panas"
    assert list(ChannelLabel.objects.order_by("generation").values_list("generation", "name")) == [
        (1, "Promo"),
        (2, "Hot"),
    ]


def test_a_deletion_that_arrives_late_splits_the_generations(bridge: Bridge) -> None:
    bridge.save("7", "Promo", at=minutes(0))
    bridge.label("added", "7", BUDI, at=minutes(1))
    bridge.label("added", "7", "6281200000002", at=minutes(9))
    bridge.drain()
    bridge.post("label.deleted", label={"id": "7"}, at=minutes(5))
    bridge.drain()
    assert intervals() == [(minutes(1), minutes(5)), (minutes(9), None)]
    assert ChannelLabel.objects.count() == 2
    assert rebuild(write=False) == 0


def test_a_rename_keeps_the_interval_and_splits_the_spell(bridge: Bridge) -> None:
    bridge.save("5", "Grade A", at=minutes(0))
    bridge.label("added", "5", BUDI, at=minutes(1))
    bridge.save("5", "Hot", at=minutes(8))
    bridge.drain()
    assert intervals() == [(minutes(1), None)]
    spells = LabelSpell.objects.order_by("started_at").values_list(
        "label__name", "started_at", "ended_at", "found", "lost"
    )
    assert list(spells) == [
        ("Grade A", minutes(1), minutes(8), False, True),
        ("Prospek panas", minutes(8), None, True, False),
    ]


def test_a_rename_that_is_only_spelling_splits_nothing(bridge: Bridge) -> None:
    bridge.save("5", "grade a", at=minutes(0))
    bridge.label("added", "5", BUDI, at=minutes(1))
    bridge.save("5", "🔥 Grade A!", at=minutes(8))
    bridge.drain()
    assert LabelSpell.objects.count() == 1
    assert LabelAssignment.objects.get().channel_label_name == "🔥 Grade A!"


def test_a_label_nobody_named_gets_a_placeholder_until_its_name_comes(bridge: Bridge) -> None:
    bridge.label("added", "21", BUDI, at=minutes(1))
    bridge.drain()
    assert ChannelLabel.objects.get().is_placeholder
    bridge.save("21", "Grade A", at=minutes(3))
    bridge.drain()
    row = LabelAssignment.objects.select_related("label", "channel_label").get()
    assert (row.label.name, row.channel_label_name, row.channel_label.is_placeholder) == ("Grade A", "Grade A", False)
    assert LabelSpell.objects.get().label == row.label


def test_a_lid_that_learns_its_phone_joins_the_contact_with_its_history(bridge: Bridge) -> None:
    bridge.label("added", "5", BUDI, at=minutes(1))
    bridge.label("added", "5", "99887766554433@lid", at=minutes(2))
    bridge.label("removed", "5", "99887766554433@lid", at=minutes(4))
    bridge.drain()
    assert Contact.objects.count() == 2
    bridge.label("added", "6", "99887766554433@lid", phone=BUDI, at=minutes(6))
    bridge.drain()
    survivor = Contact.objects.get()
    assert survivor.phone == "+6281200000001"
    assert ContactMerge.objects.get().survivor == survivor
    assert intervals() == [(minutes(1), minutes(4)), (minutes(6), None)]
    assert rebuild(write=False) == 0


def test_a_burst_after_the_session_came_up_was_found_and_is_nobodys_work(bridge: Bridge) -> None:
    for n in range(6):
        bridge.label("added", "5", f"62812000010{n:02}", at=minutes(20) + timedelta(seconds=n))
    bridge.drain()
    for n in range(6, 12):
        bridge.label("added", "5", f"62812000010{n:02}", at=minutes(20) + timedelta(seconds=n))
    bridge.post("status", status="working", at=minutes(19.9))
    bridge.drain()
    assert set(LabelAssignment.objects.values_list("origin", "added_by", "added_by_method")) == {
        ("resync", None, "unknown")
    }
    assert LabelEvent.objects.filter(origin="resync").count() == 12


def test_a_fast_campaign_without_a_reconnect_is_work(bridge: Bridge) -> None:
    for n in range(30):
        bridge.label("added", "5", f"62812000010{n:02}", at=minutes(20) + timedelta(seconds=n))
    bridge.drain()
    assert set(LabelAssignment.objects.values_list("origin", flat=True)) == {"live"}


def test_a_time_in_the_future_counts_as_receipt_and_is_flagged(bridge: Bridge) -> None:
    bridge.label("added", "5", BUDI, at=datetime(2036, 1, 1, tzinfo=UTC))
    bridge.drain()
    event = LabelEvent.objects.get()
    assert event.capped
    assert (event.occurred_at, event.occurred_at_source) == (event.received_at, "received")


def test_one_person_by_every_spelling_of_their_number(bridge: Bridge) -> None:
    for n, chat in enumerate(["6281200000001:12@s.whatsapp.net", "+62 812-0000-0001", "081200000001", f"{BUDI}@c.us"]):
        bridge.label("added", str(n), chat, at=minutes(n))
    bridge.drain()
    assert Contact.objects.get().phone == "+6281200000001"
    assert LabelAssignment.objects.count() == 4


def test_digits_from_a_gateway_have_their_country_code(bridge: Bridge) -> None:
    """Read at home 6591234567 would be a landline of Aceh, and 85291234567 a mobile without its zero."""
    for n, chat in enumerate(["6591234567", "85291234567", "818012345678", "6281200000001.0"]):
        bridge.label("added", str(n), chat, at=minutes(n))
    bridge.drain()
    phones = set(Contact.objects.values_list("phone", flat=True))
    assert phones == {"+6591234567", "+85291234567", "+818012345678", "+6281200000001"}


@pytest.mark.parametrize(
    "chat", ["081200000001 (2)", "6281200000001 (2)", "081200000001/081200000002", "0812000000012345"]
)
def test_a_post_about_what_is_not_one_number_is_parked(bridge: Bridge, chat: str) -> None:
    bridge.label("added", "5", chat, at=minutes(1))
    bridge.drain()
    assert InboundEvent.objects.get().state == "parked"
    assert not Contact.all_objects.exists()


def test_the_numbers_own_chat_is_no_contact(bridge: Bridge) -> None:
    Channel.objects.update(own_phone="+6281200000001")
    bridge.label("added", "5", BUDI, at=minutes(1))
    bridge.drain()
    assert InboundEvent.objects.get().reason == "own_number"
    assert not Contact.all_objects.exists()


def test_a_cloud_api_channel_learns_its_phone_number_id_from_the_first_post() -> None:
    done = connect(gateway="cloudapi", key="meta", name="Meta", secret="app-secret-1", actor=None)
    account = Account(session="1098765", secret="app-secret-1")
    for phone in ("6281200000011", "6281200000012"):
        post = PAYLOADS["cloudapi"](account).message(phone, message_id=f"wamid.{phone}")
        headers = {name.replace("-", "_"): value for name, value in post.headers.items() if name != "content-type"}
        assert request(done.path, post.body, **headers).status == 202
    lanes.drain(done.channel.pk)
    done.channel.refresh_from_db()
    assert done.channel.session == "1098765"
    assert Contact.objects.count() == 2


def test_a_cloud_api_channel_takes_one_number_of_two_in_its_first_batch() -> None:
    done = connect(gateway="cloudapi", key="meta", name="Meta", secret="app-secret-1", actor=None)
    for session, phone in (("1098765", "6281200000011"), ("2098765", "6281200000012")):
        post = PAYLOADS["cloudapi"](Account(session=session, secret="app-secret-1")).message(phone, message_id=phone)
        headers = {name.replace("-", "_"): value for name, value in post.headers.items() if name != "content-type"}
        assert request(done.path, post.body, **headers).status == 202
    lanes.drain(done.channel.pk)
    done.channel.refresh_from_db()
    assert done.channel.session == "1098765"
    assert states() == ["applied", "parked"]
    assert Contact.objects.get().phone == "+6281200000011"


def test_rebuilding_finds_nothing_after_a_long_story(bridge: Bridge) -> None:
    for n in range(40):
        chat = f"62812000020{n % 7:02}"
        bridge.label("added" if n % 3 else "removed", str(n % 4), chat, at=minutes((n * 37) % 60))
    bridge.drain()
    assert rebuild(write=False) == 0
    assert rebuild(write=True) == 0
