"""Whose chats they are hears that contacts opted out: once while it is unseen, and only of their own."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone, translation

from contacts.models import Agent, Channel, ChannelOwnership, ContactChannel
from contacts.services.contacts import edit_contact
from contacts.services.importing import ContactFields, ContactRow, create_or_update_contacts
from labelcrm.core import notices
from labelcrm.core.models import Notice, User
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.telling import message, minutes, person, tell

pytestmark = pytest.mark.django_db
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.fixture
def rina() -> Agent:
    return AgentFactory(name="Rina", user=UserFactory(role="cs"))


@pytest.fixture
def number(rina: Agent) -> Channel:
    """A number that is Rina's since it was connected."""
    channel = ChannelFactory(key="cs1", team=rina.team)
    ChannelOwnership.objects.create(channel=channel, agent=rina)
    return channel


def known_on(channel: Channel, **values: Any) -> Any:
    contact = ContactFactory(**values)
    ContactChannel.objects.create(contact=contact, channel=channel, first_seen_at=minutes(0))
    return contact


def opt_out(contact: Any, *, actor: Any = None) -> None:
    edit_contact(contact, actor=actor, origin="admin", opted_out=True)


def told(user: Any) -> list[str]:
    """The titles of what a user has not seen, for somebody who has just come."""
    with translation.override("en"):
        return [text.title for _row, text in notices.unseen(User.objects.get(pk=user.pk))]


def test_a_message_that_opts_out_is_told_to_the_owner_of_the_number(number: Channel, rina: Agent) -> None:
    stranger = AgentFactory(user=UserFactory(role="cs"))
    tell(number, message(person("+6281290001111"), 1, text="STOP"))
    [(_row, text)] = notices.unseen(rina.user)
    assert text.page.startswith("/admin/contacts/contact/")
    assert told(rina.user) == ["+6281290001111 opted out of broadcasts"]
    assert Notice.objects.filter(user=stranger.user).count() == 0


def test_it_is_told_to_whom_the_contact_is_assigned_and_to_nobody_else(number: Channel, rina: Agent) -> None:
    sari = AgentFactory(name="Sari", team=rina.team, user=UserFactory(role="cs"))
    opt_out(known_on(number, name="Budi", assigned_to=sari))
    assert (told(sari.user), told(rina.user)) == (["Budi opted out of broadcasts"], [])


def test_whoever_notes_it_is_not_told_of_it(number: Channel, rina: Agent) -> None:
    opt_out(known_on(number), actor=rina.user)
    assert Notice.objects.count() == 0
    tell(number, message(person("+6281290001111"), 1, text="STOP"))
    assert told(rina.user) == ["+6281290001111 opted out of broadcasts"], "what she noted herself is no news"


def test_more_that_opt_out_are_counted_in_one_notice_until_it_is_seen(number: Channel, rina: Agent) -> None:
    for name in ("Ani", "Budi", "Citra"):
        opt_out(known_on(number, name=name))
    assert told(rina.user) == ["3 of your contacts opted out of broadcasts"]
    notices.put_away(rina.user, Notice.objects.get().pk)
    assert told(rina.user) == []
    opt_out(known_on(number, name="Dewi"))
    assert told(rina.user) == ["Dewi opted out of broadcasts"]


def test_who_was_let_in_again_is_no_news_any_more(number: Channel, rina: Agent) -> None:
    contact = known_on(number)
    opt_out(contact)
    edit_contact(contact, actor=None, origin="admin", opted_out=False, reason="asked for the catalogue")
    assert told(rina.user) == []


def test_a_file_is_told_once_and_its_author_is_not(number: Channel, rina: Agent) -> None:
    author = AgentFactory(team=rina.team, user=UserFactory(role="cs"))
    hers, his = [known_on(number) for _ in range(2)], known_on(number, assigned_to=author)
    rows = {
        line: ContactRow(contact_id=contact.pk, phone=contact.phone, fields=ContactFields(opted_out=True))
        for line, contact in enumerate([*hers, his], start=1)
    }
    create_or_update_contacts(rows, actor=author.user)
    assert told(rina.user) == ["2 of your contacts opted out of broadcasts"]
    assert told(author.user) == []


def test_of_a_number_that_two_may_claim_nobody_is_told(number: Channel, rina: Agent) -> None:
    sari = AgentFactory(team=rina.team, user=UserFactory(role="cs"))
    opt_out(known_on(number, name="Budi"))
    ChannelOwnership.objects.create(channel=number, agent=sari, since=timezone.now())
    assert told(rina.user) == ["Budi opted out of broadcasts"]
    notices.put_away(rina.user, Notice.objects.get().pk)
    opt_out(known_on(number))
    assert Notice.objects.filter(seen_at=None).count() == 0


def test_whose_shift_is_over_reads_what_came_within_it(rina: Agent) -> None:
    channel = ChannelFactory(key="cs2", team=rina.team)
    ChannelOwnership.objects.create(channel=channel, agent=rina, hour_from=time(8), hour_to=time(17))
    with time_machine.travel(datetime(2026, 3, 2, 16, 55, tzinfo=JAKARTA)):
        opt_out(known_on(channel, name="Budi"))
    with time_machine.travel(datetime(2026, 3, 2, 17, 5, tzinfo=JAKARTA)):
        opt_out(known_on(channel, name="Cici"))
        assert told(rina.user) == ["2 of your contacts opted out of broadcasts"]


def test_whose_number_it_is_no_more_is_told_nothing(number: Channel, rina: Agent) -> None:
    opt_out(known_on(number, name="Budi"))
    ChannelOwnership.objects.update(until=timezone.now())
    assert told(rina.user) == []
