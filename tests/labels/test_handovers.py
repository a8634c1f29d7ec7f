"""Handing over what a CS has open: who gets what, that the past stays, and undoing while nothing was done since."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from contacts.models import Agent, Channel, ChannelOwnership, Contact
from contacts.services.channels import agent_named
from contacts.services.contacts import edit_contact
from labelcrm.core import jobs
from labelcrm.core.models import AuditEntry, Notice, User
from labelcrm.core.viewer import Viewer
from labels.jobs import hand_over, undo_handover
from labels.models import Handover, LabelAssignment
from labels.selectors.handovers import counted, listed, matters
from labels.services.handovers import HandoverPlan, why_not_undone
from labels.services.staleness import flag_stale
from reports.selectors import handovers
from tests.factories import UserFactory
from tests.reports.world import day
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge
from tests.work import do_work

pytestmark = pytest.mark.django_db
EVERYBODY = Viewer(everything=True)
NOW = day(40)
BUDI, SITI, TONO, WATI = (f"628120000000{n}" for n in range(1, 5))


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def rina() -> Bridge:
    """Rina's number: Budi is graded and stale, Siti waits for an answer, Tono bought, Wati is to be called."""
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in (("1", "Grade A"), ("2", "Selesai"), ("3", "Menunggu pembayaran")):
        bridge.save(external, name, at=day(0))
    bridge.label("added", "1", BUDI, at=day(20))
    write(bridge, SITI, 39)
    bridge.label("added", "2", TONO, at=day(30))
    bridge.label("added", "2", WATI, at=day(30))
    bridge.drain()
    edit_contact(contact(WATI), actor=None, origin="test", follow_up_at=day(39))
    flag_stale(NOW)
    return bridge


def write(bridge: Bridge, chat: str, at: float, *, from_me: bool = False) -> None:
    message = {"id": f"m{chat}{at}", "text": "halo", "from_me": from_me}
    bridge.post("message", chat=chat, at=day(at), message=message)


def contact(chat: str) -> Contact:
    found: Contact = Contact.objects.get(phone=f"+{chat}")
    return found


def agent(code: str) -> Agent:
    found: Agent = agent_named(code, team=Channel.objects.get(key="cs1").team)
    return found


def owner() -> User:
    found: User = User.objects.filter(username="boss").first() or UserFactory(username="boss", role="owner")
    return found


def handed(*receivers: str, **plan: Any) -> Handover:
    wanted = HandoverPlan(receivers=[agent(code).pk for code in receivers], **plan)
    handover, _job = hand_over(agent("rina"), wanted, note="Titip ya", actor=owner())
    do_work()
    handover.refresh_from_db()
    return handover


def held_by(chat: str) -> str:
    assigned = contact(chat).assigned_to
    return assigned.code if assigned else ""


def test_what_is_open_is_listed_with_the_stale_first_and_who_bought_is_not(rina: Bridge) -> None:
    found = listed(matters(agent("rina"), viewer=EVERYBODY, now=NOW))
    assert [one.contact for one in found] == [contact(chat).pk for chat in (BUDI, SITI, WATI)]
    counts = counted(found)
    assert (counts.open, counts.stale, counts.unanswered, counts.due) == (3, 1, 1, 1)


def test_one_cs_takes_over_all_of_it_and_is_told(rina: Bridge) -> None:
    dewi = agent("dewi")
    dewi.user = UserFactory(role="cs", teams=[dewi.team])
    dewi.save()
    handover = handed("dewi")
    assert [held_by(chat) for chat in (BUDI, SITI, TONO, WATI)] == ["dewi", "dewi", "", "dewi"]
    assert (handover.counts["moved"], handover.counts["followed"]) == (3, 3)
    assert handover.done_at is not None
    notice = Notice.objects.get(topic="handover")
    assert (notice.user, notice.subject) == (dewi.user, handover.pk)
    entry = AuditEntry.objects.get(action="agent.handed_over")
    assert entry.details["contacts"] == 3
    assert AuditEntry.objects.filter(action="contact.changed", actor=owner()).count() == 3


def test_several_share_evenly_and_a_label_may_go_to_one_of_them(rina: Bridge) -> None:
    for n in range(10, 16):
        rina.label("added", "3", f"62812000000{n}", at=day(39))
    rina.drain()
    waiting = LabelAssignment.objects.filter(label__meaning="waiting").latest("id").label_id
    handover = handed("dewi", "sari", by_label={waiting: agent("tono").pk})
    given = [row.to_agent.code for row in handover.contacts.select_related("to_agent").order_by("id")]
    assert sorted(given[:3]) in (["dewi", "dewi", "sari"], ["dewi", "sari", "sari"])
    assert given[3:] == ["tono"] * 6 or given.count("tono") == 6
    assert set(handover.receivers.values_list("code", flat=True)) == {"dewi", "sari", "tono"}


def test_actors_of_the_past_stay_and_the_number_changes_hands_from_a_moment_on(rina: Bridge) -> None:
    ownership = ChannelOwnership.objects.get()
    handed("dewi", numbers={ownership.pk: agent("dewi").pk})
    rina.label("added", "3", BUDI, at=NOW - timedelta(hours=1))
    rina.label("added", "3", SITI, at=NOW + timedelta(minutes=10))
    with time_machine.travel(NOW + timedelta(minutes=20)):
        rina.drain()
    by = dict(LabelAssignment.objects.values_list("contact__phone", "added_by__code").filter(label__meaning="waiting"))
    assert by == {f"+{BUDI}": "rina", f"+{SITI}": "dewi"}
    assert LabelAssignment.objects.get(contact=contact(TONO)).added_by == agent("rina")


def test_a_number_may_change_hands_on_a_later_day(rina: Bridge) -> None:
    ownership = ChannelOwnership.objects.get()
    handed("dewi", numbers={ownership.pk: agent("dewi").pk}, since=day(45))
    ownership.refresh_from_db()
    assert ownership.until == day(45)
    assert ChannelOwnership.objects.get(agent__code="dewi").since == day(45)


def test_whom_somebody_gave_to_another_meanwhile_is_left_there(rina: Bridge) -> None:
    wanted = HandoverPlan(receivers=[agent("dewi").pk])
    handover, job = hand_over(agent("rina"), wanted, note="", actor=owner())
    jobs.run(job.pk, seconds=0)
    edit_contact(contact(BUDI), actor=None, origin="test", assigned_to=agent("sari"))
    do_work()
    handover.refresh_from_db()
    assert (held_by(BUDI), held_by(SITI), handover.counts["moved"]) == ("sari", "dewi", 2)


def test_what_a_stopped_handover_did_can_be_undone(rina: Bridge) -> None:
    handover, job = hand_over(agent("rina"), HandoverPlan(receivers=[agent("dewi").pk]), note="", actor=owner())
    jobs.run(job.pk, seconds=0)
    assert jobs.cancel(job, actor=owner())
    do_work()
    handover.refresh_from_db()
    assert (handover.counts["moved"], held_by(BUDI), why_not_undone(handover)) == (0, "", "")
    assert undo_handover(handover, actor=owner()) is not None


def test_undoing_gives_everything_back(rina: Bridge) -> None:
    edit_contact(contact(TONO), actor=None, origin="test", assigned_to=agent("rina"))
    ownership = ChannelOwnership.objects.get()
    handover = handed("dewi", numbers={ownership.pk: agent("dewi").pk})
    assert [held_by(chat) for chat in (BUDI, TONO)] == ["dewi", "dewi"]
    assert why_not_undone(handover) == ""
    assert undo_handover(handover, actor=owner()) is not None
    do_work()
    handover.refresh_from_db()
    assert [held_by(chat) for chat in (BUDI, SITI, TONO)] == ["", "", "rina"]
    [row] = ChannelOwnership.objects.all()
    assert (row.pk, row.until) == (ownership.pk, None)
    assert why_not_undone(handover) == "undone"


@pytest.mark.parametrize("what", ["answer", "label", "given on", "number"])
def test_once_something_was_done_it_cannot_be_undone(rina: Bridge, what: str) -> None:
    ownership = ChannelOwnership.objects.get()
    handover = handed("dewi", numbers={ownership.pk: agent("dewi").pk})
    with time_machine.travel(NOW + timedelta(hours=2)):
        if what == "answer":
            write(rina, SITI, 40.05, from_me=True)
        elif what == "label":
            rina.label("added", "3", BUDI, at=day(40.05))
        elif what == "given on":
            edit_contact(contact(WATI), actor=None, origin="test", assigned_to=agent("sari"))
        else:
            ChannelOwnership.objects.filter(agent__code="dewi").update(until=timezone.now())
        rina.drain()
        assert why_not_undone(handover) == ("numbers" if what == "number" else "touched")
        assert undo_handover(handover, actor=owner()) is None


def test_what_became_of_them_is_followed(rina: Bridge) -> None:
    handover = handed("dewi")
    write(rina, SITI, 41, from_me=True)
    rina.label("added", "3", BUDI, at=day(42))
    rina.label("added", "2", BUDI, at=day(43))
    with time_machine.travel(day(44)):
        rina.drain()
    rows = {row.contact: row for row in handovers.followed(handover)}
    assert {pk: row.state for pk, row in rows.items()} == {
        contact(BUDI).pk: "won", contact(SITI).pk: "answered", contact(WATI).pk: "untouched",
    }  # fmt: skip
    everybody, dewi = handovers.outcomes(handover, list(rows.values()))
    assert (everybody.contacts, everybody.answered.k, everybody.won.k, everybody.untouched.k) == (3, 1, 1, 1)
    days = (everybody.answered_days, everybody.forward_days, everybody.won_days)
    assert days == pytest.approx((1, 2, 3), abs=0.01)
    assert (dewi.agent, dewi.contacts) == (agent("dewi").pk, 3)


def test_a_plan_that_cannot_be_meant_is_refused(rina: Bridge) -> None:
    archived = agent("sari")
    archived.deleted_at = NOW
    archived.save()
    for receivers in ([], [agent("rina").pk], [archived.pk]):
        with pytest.raises(ValidationError):
            hand_over(agent("rina"), HandoverPlan(receivers=receivers), note="", actor=owner())
    assert not Handover.objects.exists()


def test_a_lead_hands_over_what_her_team_sees_alone(rina: Bridge) -> None:
    other = Bridge(key="cs2", agent="rina", team="Grosir")
    other.label("added", "1", "6281200000099", at=day(39))
    other.drain()
    lead = UserFactory(role="cs_lead", teams=[Channel.objects.get(key="cs1").team])
    hand_over(agent("rina"), HandoverPlan(receivers=[agent("dewi").pk]), note="", actor=lead)
    do_work()
    assert (held_by(BUDI), held_by("6281200000099")) == ("dewi", "")
