"""First a placeholder, then the message under the same id: what came later fills what was empty, and nothing else."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from contacts.models import Campaign, CampaignRule, CampaignTouch, Channel, Contact, ContactChannel, Message
from contacts.services.messages import NewMessage, in_rounds
from tests.adversarial.number import BUDI, Number, minutes, reasons, states
from tests.factories import CampaignFactory
from tests.webhooks.gateways.payloads import Ad, Post
from tests.webhooks.gateways.payloads.typed import PLACEHOLDERS
from webhooks.drain.inbox import replay
from webhooks.gateways import kinds
from webhooks.gateways.kinds import Verdict
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
EVERY = tuple(PLACEHOLDERS)
AD = Ad()


@pytest.fixture
def campaigns() -> dict[str, Campaign]:
    """One that claims the ad of `AD`, one a word of the first message, and one that a channel stands for."""
    found = {code: CampaignFactory(code=code) for code in ("iklan", "kata", "nomor")}
    CampaignRule.objects.create(campaign=found["iklan"], kind="ad", pattern=AD.source_id)
    CampaignRule.objects.create(campaign=found["kata"], kind="keyword", pattern="KAOS25")
    return found


def placeholder(number: Number, at: float = 1) -> Post:
    return PLACEHOLDERS[number.gateway](BUDI, say=number.say, message_id="A1", at=minutes(at))


def full(number: Number, *, text: str = "Halo KAOS25", at: float = 1, **more: Any) -> Post:
    return number.say.message(BUDI, message_id="A1", text=text, at=minutes(at), **more)


def told() -> tuple[str, str, bool]:
    message = Message.objects.get()
    return message.kind, message.text, message.ad is not None


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("gateway", EVERY)
def test_the_message_fills_its_placeholder(gateway: str, together: bool, campaigns: dict[str, Campaign]) -> None:
    number = Number(gateway)
    assert [number.send(post).status for post in [placeholder(number)] * 2] == [202, 200]
    if not together:
        number.drain()
        assert told() == ("waiting", "", False)
        assert Contact.objects.get().first_inbound_at == minutes(1)
    assert [number.send(post).status for post in [full(number, ad=AD)] * 2] == [202, 200]
    number.drain()
    assert told() == ("text", "Halo KAOS25", True)
    assert states() == ["applied", "applied"]
    assert Contact.objects.get().campaign == campaigns["iklan"]
    assert list(CampaignTouch.objects.values_list("method", flat=True)) == ["ad"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("gateway", EVERY)
def test_a_placeholder_that_comes_late_changes_nothing(
    gateway: str, together: bool, campaigns: dict[str, Campaign]
) -> None:
    number = Number(gateway)
    number.hear(full(number, ad=AD))
    if not together:
        number.drain()
    number.hear(placeholder(number, at=2))
    number.drain()
    assert told() == ("text", "Halo KAOS25", True)
    assert Message.objects.get().at == minutes(1)
    assert states() == ["applied", "duplicate"]
    assert Contact.objects.get().last_inbound_at == minutes(1)


def test_what_a_row_says_is_never_written_over() -> None:
    number = Number("evolution")
    number.take(full(number, text="Yang pertama"), full(number, text="Yang kedua"))
    assert told() == ("text", "Yang pertama", False)
    assert states() == ["applied", "duplicate"]


def test_an_ad_that_comes_later_fills_in_beside_the_words(campaigns: dict[str, Campaign]) -> None:
    number = Number("evolution")
    number.take(full(number))
    assert Contact.objects.get().campaign == campaigns["kata"]
    number.take(full(number, text="Kata lain", ad=AD))
    assert told() == ("text", "Halo KAOS25", True)
    assert Contact.objects.get().campaign == campaigns["iklan"]


def test_a_campaign_by_channel_alone_gives_way_to_the_words_that_follow(campaigns: dict[str, Campaign]) -> None:
    number = Number("wuzapi")
    Channel.objects.update(default_campaign=campaigns["nomor"])
    number.take(placeholder(number))
    assert Contact.objects.get().campaign == campaigns["nomor"]
    number.take(full(number))
    assert Contact.objects.get().campaign == campaigns["kata"]
    assert [(t.method, t.campaign.code) for t in CampaignTouch.objects.all() if t.campaign] == [("keyword", "kata")]


def test_a_better_time_comes_with_the_content_and_first_times_follow(campaigns: dict[str, Campaign]) -> None:
    """A placeholder with no time of its own is dated by its receipt; the message knows when it was sent."""
    number = Number("wppconnect")
    Channel.objects.update(default_campaign=campaigns["nomor"])
    timeless = number.edited(placeholder(number), lambda body: [body.pop("t"), body.pop("timestamp")])
    number.take(timeless, received=minutes(9))
    assert (Message.objects.get().at, Message.objects.get().at_source) == (minutes(9), "received")
    number.take(full(number, at=4), received=minutes(10))
    assert (Message.objects.get().at, Message.objects.get().at_source) == (minutes(4), "whatsapp")
    for row in (Contact.objects.get(), ContactChannel.objects.get()):
        assert (row.first_inbound_at, row.last_inbound_at) == (minutes(4), minutes(4))
    assert Contact.objects.get().campaign == campaigns["kata"]


def test_a_time_that_turns_out_later_hands_the_first_message_on(campaigns: dict[str, Campaign]) -> None:
    number = Number("wppconnect")
    timeless = number.edited(placeholder(number), lambda body: [body.pop("t"), body.pop("timestamp")])
    number.take(timeless, received=minutes(1))
    number.take(number.say.message(BUDI, message_id="B1", text="halo kaos25", at=minutes(2)))
    assert Contact.objects.get().campaign is None
    number.take(full(number, text="Lagi", at=3))
    assert Contact.objects.get().first_inbound_at == minutes(2)
    assert Contact.objects.get().campaign == campaigns["kata"]


def test_ours_and_theirs_under_one_id_fill_nothing_of_each_other() -> None:
    number = Number("evolution")
    number.take(placeholder(number), full(number, from_me=True))
    assert told() == ("waiting", "", False)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_how_tellings_are_cut_into_batches_does_not_matter(order: tuple[int, ...]) -> None:
    ends = []
    for key, together in (("cs1", True), ("cs2", False)):
        number = Number("evolution", key, own="6281200000001")
        posts = [placeholder(number), full(number), full(number, text="", ad=AD)]
        for post in (posts[n] for n in order):
            number.hear(post)
            if not together:
                number.drain()
        number.drain()
        rows = InboundEvent.objects.filter(channel=number.channel).order_by("id").values_list("state", flat=True)
        ends.append((Message.objects.filter(channel=number.channel).values("kind", "text", "ad").get(), list(rows)))
    assert ends[0] == ends[1]
    assert (ends[0][0]["kind"], ends[0][0]["text"]) == ("text", "Halo KAOS25")


def test_tellings_that_say_the_same_are_recorded_once() -> None:
    said = {"contact_id": 1, "identity_id": 1, "channel_id": 1, "from_me": False, "by_api": None, "at": minutes(1),
            "at_source": "whatsapp", "received_at": minutes(1), "ad": None}  # fmt: skip
    lines = [("A", "waiting", ""), ("B", "text", "x"), ("A", "text", "y"), ("B", "text", "z"), ("A", "waiting", "")]
    messages = [
        NewMessage(external_id=external, kind=kind, text=text, inbox_id=n, **said)  # type: ignore[arg-type]
        for n, (external, kind, text) in enumerate(lines)
    ]
    assert [[m.inbox_id for m in one] for one in in_rounds(messages)] == [[0, 1], [2]]


# -- Types that nobody here has read about ----------------------------------------------------------------------------


def hologram(number: Number, message_id: str = "H1", at: float = 5, **more: Any) -> Post:
    return number.say.message(BUDI, message_id=message_id, at=minutes(at), type="hologram", **more)


def test_an_unknown_type_of_nobody_makes_no_contact_and_is_parked_by_its_name() -> None:
    number = Number("wppconnect")
    number.take(hologram(number))
    assert not Contact.objects.exists()
    assert not Message.objects.exists()
    [(state, reason)] = reasons()
    assert state == "parked"
    assert "“hologram”" in reason


@pytest.mark.parametrize("together", [True, False])
def test_an_unknown_type_of_a_contact_is_kept_and_moves_nothing(together: bool, campaigns: dict[str, Campaign]) -> None:
    number = Number("wppconnect")
    Channel.objects.update(default_campaign=campaigns["nomor"])
    number.hear(number.say.message(BUDI, message_id="A1", at=minutes(3)))
    if not together:
        number.drain()
    number.hear(hologram(number, "H1", at=1), hologram(number, "H2", at=9), hologram(number, "H3", at=9, from_me=True))
    number.drain()
    assert Message.objects.filter(kind="unknown", wire_type="hologram").count() == 3
    for row in (Contact.objects.get(), ContactChannel.objects.get()):
        assert (row.first_inbound_at, row.last_inbound_at, row.last_outbound_at) == (minutes(3), minutes(3), None)
        assert row.first_seen_at == minutes(3)
    assert [touch.message.external_id for touch in CampaignTouch.objects.all() if touch.message] == ["A1"]
    assert states() == ["applied"] * 4


@pytest.mark.parametrize("together", [True, False])
def test_who_writes_only_later_was_nobody_when_the_unknown_type_came(together: bool) -> None:
    number = Number("wppconnect")
    number.hear(hologram(number))
    if not together:
        number.drain()
    number.hear(number.say.message(BUDI, message_id="A1", at=minutes(6)))
    number.drain()
    assert states() == ["parked", "applied"]
    assert Message.objects.get().external_id == "A1"


def test_a_type_that_becomes_known_counts_when_its_posts_are_processed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    number = Number("wppconnect")
    number.take(hologram(number, "H1", at=1))
    number.take(number.say.message(BUDI, message_id="A1", at=minutes(3)))
    number.take(hologram(number, "H2", at=5))
    monkeypatch.setitem(kinds.WEB, "hologram", Verdict("video"))
    replay(InboundEvent.objects.all(), actor=None)
    number.drain()
    assert set(Message.objects.values_list("external_id", "kind", "wire_type")) == {
        ("H1", "video", ""), ("A1", "text", ""), ("H2", "video", ""),
    }  # fmt: skip
    contact = Contact.objects.get()
    assert (contact.first_inbound_at, contact.last_inbound_at) == (minutes(1), minutes(5))
    assert states() == ["applied"] * 3


def test_a_parked_post_of_unknown_type_is_kept_once_its_sender_is_a_contact() -> None:
    number = Number("wppconnect")
    number.take(hologram(number))
    number.take(number.say.message(BUDI, message_id="A1", at=minutes(6)))
    replay(InboundEvent.objects.filter(state="parked"), actor=None)
    number.drain()
    assert Message.objects.get(external_id="H1").kind == "unknown"
    assert Contact.objects.get().last_inbound_at == minutes(6)
