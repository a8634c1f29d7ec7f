"""What came of a broadcast, against whom chance held out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contacts.models import Channel, ChannelStatusEvent, Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core.bulk import execute
from labelcrm.core.viewer import Viewer
from tests.api.story import Story
from tests.factories import THEN, TeamFactory, UserFactory
from tests.transfer.test_segment_exports import EVERYBODY, Market, join
from transfer.broadcast_results import WINDOW, BroadcastResult, broadcast_result
from transfer.models import Export

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LATER = THEN + 30 * DAY


class Broadcast:
    """An export of everybody at THEN + 2 days: the first `sent` people are in the file, the others held out."""

    def __init__(self, story: Story, *, sent: int, held_out: int) -> None:
        self.story = story
        self.people = [story.contact(name=f"Budi {n}") for n in range(sent + held_out)]
        self.at: datetime = THEN + 2 * DAY
        market = Market(story)
        segment = market.segment(EVERYBODY)
        self.before_export()
        self.export: Export = market.export(segment)
        ids = [contact.pk for contact in self.people[sent:]]
        execute("UPDATE transfer_exportedperson SET reason = 6 WHERE contact_id = ANY(%s)", [ids])
        execute("UPDATE transfer_export SET finished_at = %s", [self.at])
        self.export.refresh_from_db()

    def before_export(self) -> None:
        """Something for those who need people to stand somewhere first."""

    def label(self, place: int, name: str, *, days: float) -> None:
        self.story.now = self.at + timedelta(days=days, hours=-1)
        self.story.put_on(self.people[place], name)

    def says(self, place: int, *, days: float, **fields: Any) -> None:
        at = self.at + timedelta(days=days)
        self.story.message(self.people[place], at=at, received_at=at, **fields)

    def result(self, *, now: datetime = LATER, viewer: Viewer | None = None) -> BroadcastResult:
        return broadcast_result(self.export, viewer=viewer or Viewer(everything=True), now=now)


def counted(result: BroadcastResult) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    return {each.name: ((each.sent.k, each.sent.n), (each.held_out.k, each.held_out.n)) for each in result.outcomes}


@pytest.fixture
def story(db: None) -> Story:
    return Story(team=TeamFactory(name="Sales"))


def test_replies_are_messages_in_within_seven_days(story: Story) -> None:
    told = Broadcast(story, sent=5, held_out=4)
    told.says(0, days=0)
    told.says(0, days=1)
    told.says(1, days=6.99)
    told.says(2, days=7)
    told.says(3, days=-0.01)
    told.says(4, days=1, from_me=True)
    told.says(5, days=2)
    told.says(6, days=2, kind="unknown")
    told.says(7, days=2, history=True)
    assert counted(told.result())["replied"] == ((2, 5), (1, 4))


def test_forward_is_a_higher_step_than_before_and_won_a_label_that_means_so(story: Story) -> None:
    class Staged(Broadcast):
        def before_export(self) -> None:
            self.label(0, "Grade A", days=-1)
            self.label(1, "Menunggu pembayaran", days=-1)
            self.label(4, "Grade A", days=-1)

    told = Staged(story, sent=4, held_out=2)
    told.label(0, "Prospek panas", days=1)  # sideways
    told.label(1, "Selesai", days=1)  # forward, and won
    told.label(2, "Pertanyaan baru", days=1)  # forward from no stage
    told.label(3, "Selesai", days=8)  # too late
    told.label(4, "Menunggu pembayaran", days=3)
    told.label(5, "Komplain", days=1)  # no stage at all
    found = counted(told.result())
    assert found["forward"] == ((2, 4), (1, 2))
    assert found["won"] == ((1, 4), (0, 2))


def test_before_seven_days_are_over_it_is_so_far(story: Story) -> None:
    told = Broadcast(story, sent=2, held_out=1)
    told.says(0, days=1)
    told.says(1, days=3)
    early, late = told.result(now=told.at + 2 * DAY), told.result(now=told.at + WINDOW)
    assert (early.so_far, early.until, counted(early)["replied"][0]) == (True, told.at + 2 * DAY, (1, 2))
    assert (late.so_far, late.until, counted(late)["replied"][0]) == (False, told.at + WINDOW, (2, 2))


def test_who_is_known_on_a_number_that_was_cut_off_is_not_judged(story: Story) -> None:
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    told = Broadcast(story, sent=3, held_out=2)
    other.seen(told.people[0])
    other.seen(told.people[4])
    silent(other.channel, told.at + DAY, told.at + 2 * DAY)
    told.says(0, days=1)
    told.says(1, days=1)
    result = told.result()
    assert (result.unknown_sent, result.unknown_held_out, len(result.gaps)) == (1, 1, 1)
    assert counted(result)["replied"] == ((1, 2), (0, 1))
    lead = viewer_of(UserFactory(role="cs_lead", teams=[story.channel.team]))
    assert told.result(viewer=lead).gaps == [], "a gap of a number that the reader does not see hides nothing from them"


def silent(channel: Channel, since: datetime, until: datetime) -> None:
    for state, at in (("stopped", since), ("working", until)):
        ChannelStatusEvent.objects.create(channel=channel, state=state, at=at, received_at=at)


def test_two_contacts_that_became_one_are_counted_once_as_sent(story: Story) -> None:
    told = Broadcast(story, sent=2, held_out=2)
    told.says(2, days=1)
    join(told.people[0].pk, told.people[2].pk)
    assert counted(told.result())["replied"] == ((1, 2), (0, 1))


def test_archived_people_leave_the_result(story: Story) -> None:
    told = Broadcast(story, sent=3, held_out=1)
    Contact.objects.filter(pk=told.people[0].pk).update(deleted_at=LATER)
    assert counted(told.result())["replied"] == ((0, 2), (0, 1))


def test_who_was_held_out_and_is_in_another_file_meanwhile_is_counted(story: Story) -> None:
    told = Broadcast(story, sent=2, held_out=3)
    execute("UPDATE transfer_export SET hold_out = 60", [])
    told.export.refresh_from_db()
    assert told.result().written_to == 0
    market = Market(story)
    for days, away in ((8, 0), (3, 1), (-1, 2)):  # later, within the seven days with one left out, before
        export = market.export(market.segment(EVERYBODY))
        left = [contact.pk for contact in told.people[2 : 2 + away]]
        execute("UPDATE transfer_exportedperson SET reason = 2 WHERE export_id = %s AND contact_id = ANY(%s)",
                [export.pk, left])  # fmt: skip
        execute("UPDATE transfer_export SET finished_at = %s WHERE id = %s", [told.at + days * DAY, export.pk])
    assert told.result().written_to == 2
    assert told.result(now=told.at + 2 * DAY).written_to == 0, "nobody yet"
