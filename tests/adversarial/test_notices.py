"""Three people wrote and thirteen posts came: what WhatsApp and its clients tell each other is nobody's message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contacts.models import Agent, Contact, ContactChannel, Message
from contacts.services.unmerging import recount
from desk.connection.arrivals import arrivals
from reports.selectors import agents
from reports.selectors.filtered_spells import Filters
from reports.selectors.periods import Period
from reports.selectors.questions import Question
from tests.adversarial.number import Number, minutes, phone
from tests.webhooks.gateways.payloads import Post
from tests.webhooks.gateways.payloads.typed import content, evolution, waha_noweb, waha_webjs, wppconnect, wuzapi
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db
PROTOBUF = (
    "protocolMessage", "senderKeyDistributionMessage", "editedMessage", "pinInChatMessage", "keepInChatMessage",
    "albumMessage", "pollUpdateMessage", "secretEncryptedMessage", "callLogMesssage", "messageHistoryNotice",
)  # fmt: skip
WEB = (
    "e2e_notification", "protocol", "revoked", "call_log", "pinned_message", "album", "gp2", "notification_template",
    "poll_update", "keep_in_chat",
)  # fmt: skip
WAYS = {
    "evolution": (evolution, PROTOBUF),
    "wuzapi": (wuzapi, PROTOBUF),
    "waha": (waha_noweb, PROTOBUF),
    "waha-webjs": (waha_webjs, WEB),
    "wppconnect": (wppconnect, WEB),
}


def thirteen(way: str, number: Number) -> Iterator[Post]:
    """Ten notices, of strangers and of the three who write, before and after what they write."""
    build, notices = WAYS[way]
    for n, wire_type in enumerate(notices):
        who = phone(n % 5)
        yield build(wire_type, who, say=number.say, message_id=f"N{n}", at=minutes(n * 10))
    for n in range(3):
        yield number.say.message(phone(n), message_id=f"M{n}", at=minutes(50 + n))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_3_wrote_and_13_posts_came_so_3_were_received(way: str, together: bool) -> None:
    number = Number(way.removesuffix("-webjs"), agent="rina", team="Sales")
    posts = list(thirteen(way, number))
    assert len(posts) == 13
    for post in posts:
        number.hear(post)
        if not together:
            number.drain()
    number.drain()
    assert Contact.objects.count() == Message.objects.count() == 3
    for link in ContactChannel.objects.all():
        assert minutes(50) <= link.first_inbound_at == link.last_inbound_at <= minutes(52)
    ignored = InboundEvent.objects.filter(state="ignored").values_list("reason", flat=True)
    assert len(ignored) == 10
    assert all(reason.startswith("notice:") for reason in ignored)
    assert received() == 3


def received() -> int:
    period = Period(minutes(-60), minutes(24 * 60))
    rows = agents.report(Question(period, Filters(), minutes(24 * 60)), agents=Agent.objects.all())
    return next(row.received for row in rows if row.agent is not None)


def test_an_unknown_type_is_in_no_figure_until_it_is_known() -> None:
    """Rina has the number in the first hour only: who wrote before and after it, and sent a hologram in it, is not
    hers."""
    number = Number("wppconnect", agent="rina", team="Sales")
    number.take(
        number.say.message(phone(1), message_id="A1", at=minutes(-120)),
        number.say.message(phone(1), message_id="A2", at=minutes(26 * 60)),
        wppconnect("hologram", phone(1), say=number.say, message_id="H1", at=minutes(30)),
    )
    number.channel.ownerships.update(since=minutes(0), until=minutes(60))
    assert Message.objects.filter(kind="unknown").count() == 1
    assert received() == 0
    Message.objects.filter(kind="unknown").update(kind="video")
    assert received() == 1


def test_counting_anew_leaves_unknown_types_out_too() -> None:
    number = Number("wppconnect")
    number.take(
        number.say.message(phone(1), message_id="A1", at=minutes(5)),
        wppconnect("hologram", phone(1), say=number.say, message_id="H1", at=minutes(1)),
        wppconnect("hologram", phone(1), say=number.say, message_id="H2", at=minutes(9)),
    )
    recount(Contact.objects.get().pk)
    for row in (Contact.objects.get(), ContactChannel.objects.get()):
        assert (row.first_inbound_at, row.last_inbound_at) == (minutes(5), minutes(5))


def test_the_connection_page_tells_notices_and_unknown_types_from_messages() -> None:
    number = Number("wppconnect")
    number.take(number.say.label_on_chat(phone(1), "7", on=True))
    number.take(wppconnect("e2e_notification", phone(1), say=number.say, message_id="N1"))
    number.take(wppconnect("hologram", phone(1), say=number.say, message_id="H1"))
    seen = arrivals(number.channel)
    assert "message" not in seen.last_of_kind
    assert "unknown_message" in seen.last_of_kind
    reasons: list[Any] = [str(post.why) for post in seen.of_state("ignored")]
    assert len(reasons) == 1
    assert "encryption" in reasons[0]


def test_a_stranger_in_a_group_stays_a_stranger_whatever_the_type() -> None:
    number = Number("evolution")
    group = "120363000000000001@g.us"
    number.take(number.say.message(group, message=content("hologramMessage"), messageType="hologramMessage"))
    assert not Contact.objects.exists()
    assert list(InboundEvent.objects.values_list("reason", flat=True)) == ["group"]
