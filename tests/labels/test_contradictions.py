"""Flags of labels that contradict each other: set, kept up to date, closed, and what people do about them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import override

from contacts.models import Agent, Channel, ChannelOwnership, Contact
from labelcrm.core.models import AuditEntry, JobRun
from labelcrm.core.viewer import Viewer
from labels import tasks
from labels.models import ChannelLabel, ContradictionFlag, ContradictionRule, Label, LabelAssignment
from labels.selectors import contradictions as selector
from labels.services import contradiction_fixes, contradictions
from labels.services.archiving import archive_contact
from labels.services.contradiction_fixes import FindingKey
from labels.services.contradictions import ContradictionResult, flag_contradictions
from tests.crm_labels import label_in_the_crm
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, UserFactory
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with override("en"):
        yield


START = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
CHAT = "6281200000001"
HOT, COLD, DONE = "1", "2", "3"
NAMES = {HOT: "Prospek panas", COLD: "Prospek dingin", DONE: "Selesai"}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def rina() -> Bridge:
    """Her number, with a contact who has two labels of one group since day 3."""
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in NAMES.items():
        bridge.save(external, name, at=day(-1))
    tell(bridge, ("added", HOT, 1), ("added", COLD, 3))
    return bridge


@pytest.fixture
def flag(rina: Bridge) -> ContradictionFlag:
    flag_contradictions(day(4))
    return ContradictionFlag.objects.get()


def tell(bridge: Bridge, *events: tuple[str, str, float]) -> None:
    for kind, label, at in events:
        bridge.label(kind, label, CHAT, at=day(at))
    bridge.drain()


def key_of(flag: ContradictionFlag) -> FindingKey:
    return FindingKey(flag.contact_id, flag.rule_id, flag.group)


def names(flag: ContradictionFlag) -> list[str]:
    return [Label.objects.get(pk=pk).name for pk in flag.labels]


# -- The job ----------------------------------------------------------------------------------------------------------


def test_a_flag_says_which_labels_since_when_and_whose(flag: ContradictionFlag) -> None:
    assert names(flag) == ["Prospek panas", "Prospek dingin"]
    assert (flag.rule.kind, flag.group) == ("exclusive", "temperature")
    assert (flag.since, flag.flagged_at, flag.owner) == (day(3), day(4), Agent.objects.get(name="Rina"))


def test_a_second_look_changes_nothing(flag: ContradictionFlag) -> None:
    before = list(ContradictionFlag.objects.values())
    assert flag_contradictions(day(4)) == flag_contradictions(day(5)) == ContradictionResult(0, 0, 1)
    assert list(ContradictionFlag.objects.values()) == before


def test_a_label_that_comes_off_closes_the_flag_at_once(flag: ContradictionFlag, rina: Bridge) -> None:
    tell(rina, ("removed", HOT, 6))
    flag.refresh_from_db()
    assert (flag.closed_reason, flag.taken_off, flag.closed_by) == ("removed", Label.objects.get(name=NAMES[HOT]), None)


def test_labels_that_went_and_came_back_are_another_contradiction(flag: ContradictionFlag, rina: Bridge) -> None:
    tell(rina, ("removed", COLD, 6), ("added", COLD, 8))
    assert flag_contradictions(day(9)) == ContradictionResult(1, 0, 1)
    assert list(ContradictionFlag.objects.order_by("id").values_list("closed_reason", "since")) == [
        ("removed", day(3)),
        ("", day(8)),
    ]


def test_an_open_flag_follows_the_labels_and_the_owner(flag: ContradictionFlag, rina: Bridge) -> None:
    sari = AgentFactory(name="Sari")
    ChannelOwnership.objects.update(agent=sari)
    ContradictionRule.objects.create(kind="pair", label=label(HOT), other=label(DONE))
    ContradictionRule.objects.filter(kind="older").update(active=False)
    tell(rina, ("added", DONE, 5))
    assert flag_contradictions(day(6)) == ContradictionResult(1, 0, 2)
    assert set(ContradictionFlag.objects.values_list("owner", "flagged_at")) == {(sari.pk, day(4)), (sari.pk, day(6))}


def label(external: str) -> Label:
    return Label.objects.get(name=NAMES[external])


@pytest.mark.parametrize(("kind", "why"), [("exclusive", "rule"), ("older", "")])
def test_switching_a_rule_off_closes_its_flags(flag: ContradictionFlag, kind: str, why: str) -> None:
    ContradictionRule.objects.filter(kind=kind).update(active=False)
    flag_contradictions(day(5))
    flag.refresh_from_db()
    assert flag.closed_reason == why


def test_an_archived_contact_has_no_open_flag(flag: ContradictionFlag) -> None:
    archive_contact(flag.contact, actor=None, origin="test")
    flag_contradictions(day(5))
    flag.refresh_from_db()
    assert flag.closed_at is not None
    assert flag_contradictions(day(6)) == ContradictionResult(0, 0, 0)


def test_the_scheduled_look_runs_once_per_business_day(rina: Bridge) -> None:
    for moment in (day(4), day(4.01), day(5)):
        with time_machine.travel(moment, tick=False):
            tasks.flag_contradictions()
    runs = JobRun.objects.filter(job="flag-contradictions").order_by("period")
    assert [(run.period, run.result["flagged"]) for run in runs] == [("2026-03-06", 1), ("2026-03-07", 0)]


@pytest.mark.django_db(transaction=True)
def test_three_looks_at_once_over_a_months_end_flag_once(rina: Bridge) -> None:
    """The clocks of three schedulers stand on both sides of the month's end; one of them jumped."""
    results: list[ContradictionResult] = []
    together = threading.Barrier(3)

    def look(moment: datetime) -> None:
        try:
            together.wait(10)
            results.append(flag_contradictions(moment))
        finally:
            connection.close()

    moments = [datetime(2026, 3, 31, 16, 59, 59, tzinfo=UTC), datetime(2026, 3, 31, 17, 0, 1, tzinfo=UTC), day(90)]
    threads = [threading.Thread(target=look, args=[moment]) for moment in moments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [result.open for result in results] == [1, 1, 1]
    assert sum(result.flagged for result in results) == ContradictionFlag.objects.count() == 1


# -- Fixing -----------------------------------------------------------------------------------------------------------


def test_a_label_of_whatsapp_is_awaited_and_the_flag_closes_when_it_comes_off(
    flag: ContradictionFlag, rina: Bridge
) -> None:
    user = UserFactory()
    fix = contradiction_fixes.fix(key_of(flag), label=None, actor=user, through="contradictions")
    assert (fix.labels, fix.awaited) == ([label(HOT)], True)
    flag.refresh_from_db()
    assert (flag.awaited, flag.awaited_by, flag.closed_at) == (label(HOT), user, None)
    flag_contradictions(day(5))
    assert ContradictionFlag.objects.get().awaited == label(HOT), "the job leaves it alone"
    tell(rina, ("removed", HOT, 6))
    flag.refresh_from_db()
    assert (flag.closed_reason, flag.taken_off, flag.awaited) == ("removed", label(HOT), label(HOT))
    assert AuditEntry.objects.get(action="contradiction.awaited").actor == user


def test_every_older_prospect_is_awaited_one_after_the_other(rina: Bridge) -> None:
    ContradictionRule.objects.filter(kind="exclusive").update(active=False)
    tell(rina, ("added", DONE, 5))
    key = FindingKey(Contact.objects.get().pk, rule("older").pk)
    fix = contradiction_fixes.fix(key, label=None, actor=None, through="today")
    assert [each.name for each in fix.labels] == ["Prospek panas", "Prospek dingin"]
    tell(rina, ("removed", HOT, 6))
    flag = ContradictionFlag.objects.get()
    assert (flag.closed_at, flag.awaited) == (None, label(COLD))
    tell(rina, ("removed", COLD, 7))
    flag.refresh_from_db()
    assert (flag.closed_reason, flag.taken_off) == ("removed", label(COLD))


def test_a_label_that_lives_here_comes_off_here() -> None:
    """The older of two comes off; an interval says who took it off."""
    contact, user = in_the_crm("Grade A", "Grade B")
    agent = AgentFactory(user=user)
    key = FindingKey(contact.pk, rule("exclusive").pk, "grade")
    fix = contradiction_fixes.fix(key, label=None, actor=user, through="today")
    assert ([each.name for each in fix.labels], fix.awaited) == (["Grade A"], False)
    ended = LabelAssignment.objects.get(contact=contact, removed_at__isnull=False)
    assert (ended.label.name, ended.removed_by_user, ended.removed_by) == ("Grade A", user, agent)
    assert (ended.removed_by_method, ended.removed_origin) == ("crm_user", "crm")
    flag = ContradictionFlag.objects.get()
    assert (flag.closed_reason, flag.closed_by, flag.closed_through, flag.taken_off) == (
        "fixed", user, "today", fix.labels[0],
    )  # fmt: skip
    assert AuditEntry.objects.get(action="contradiction.fixed").object_id == contact.pk


def test_what_contradicts_still_after_a_fix_is_flagged_at_once() -> None:
    contact, user = in_the_crm("Grade A", "Grade B", "Grade C")
    key = FindingKey(contact.pk, rule("exclusive").pk, "grade")
    contradiction_fixes.fix(key, label=None, actor=user, through="today")
    again = ContradictionFlag.objects.get(closed_at__isnull=True)
    assert names(again) == ["Grade B", "Grade C"]
    with pytest.raises(ValidationError, match="not part"):
        contradiction_fixes.fix(key, label=label(DONE), actor=user, through="today")


def test_both_are_right_holds_while_both_labels_last(flag: ContradictionFlag, rina: Bridge) -> None:
    user = UserFactory()
    with time_machine.travel(day(5), tick=False):
        contradiction_fixes.keep_both(key_of(flag), actor=user, reason=" two orders ", through="contradictions")
    flag.refresh_from_db()
    assert (flag.closed_reason, flag.remark, flag.closed_by) == ("right", "two orders", user)
    assert flag_contradictions(day(6)) == ContradictionResult(0, 0, 0)
    entry = AuditEntry.objects.get(action="contradiction.right")
    assert entry.details == {"flag": flag.pk, "labels": flag.labels, "rule": flag.rule_id}
    tell(rina, ("removed", COLD, 7), ("added", COLD, 8))
    assert flag_contradictions(day(9)).flagged == 1


def test_both_are_right_asks_for_a_reason_and_can_be_taken_back(flag: ContradictionFlag) -> None:
    with pytest.raises(ValidationError, match="why"):
        contradiction_fixes.keep_both(key_of(flag), actor=None, reason=" ", through="today")
    done = contradiction_fixes.keep_both(key_of(flag), actor=None, reason="x", through="today")
    assert contradiction_fixes.take_back(done, actor=None).closed_at is None
    with pytest.raises(ValidationError, match="nothing to take back"):
        contradiction_fixes.take_back(done, actor=None)


def test_a_finding_that_is_gone_is_not_fixed_again(flag: ContradictionFlag, rina: Bridge) -> None:
    tell(rina, ("removed", HOT, 6))
    with pytest.raises(ValidationError, match="any more"):
        contradiction_fixes.fix(key_of(flag), label=None, actor=None, through="today")


def in_the_crm(*labels: str) -> tuple[Contact, Any]:
    contact = ContactFactory()
    for number, name in enumerate(labels):
        label_in_the_crm(contact, day(number), name)
    return contact, UserFactory()


def rule(kind: str) -> ContradictionRule:
    return ContradictionRule.objects.get(kind=kind)


# -- Rules ------------------------------------------------------------------------------------------------------------


def test_the_rules_that_were_in_the_code_are_there() -> None:
    assert list(ContradictionRule.objects.values_list("kind", "active")) == [
        ("older", True), ("exclusive", True), ("loyal_new", True), ("color", True),
    ]  # fmt: skip


def test_a_pair_is_said_once_and_not_of_one_label_or_group() -> None:
    hot, done = label(HOT), label(DONE)
    contradictions.create_rule(actor=None, origin="test", label=hot, other=done)
    for one, other, why in ((done, hot, "already"), (hot, hot, "different"), (hot, label(COLD), "exclude each other")):
        with pytest.raises(ValidationError, match=why):
            contradictions.create_rule(actor=None, origin="test", label=one, other=other)
    assert AuditEntry.objects.get(action="contradictionrule.created").object_name


@pytest.mark.parametrize(
    ("kind", "labels", "off"),
    [
        ("older", ["Grade A", "Prospek panas", "Selesai"], "Grade A, Prospek panas"),
        ("exclusive", ["Selesai", "Menunggu pembayaran"], "Selesai"),
        ("loyal_new", ["Pelanggan loyal", "Pertanyaan baru"], "Pertanyaan baru"),
    ],
)
def test_the_label_that_should_come_off_is_proposed(kind: str, labels: list[str], off: str) -> None:
    known = [Label.objects.get(name=name) for name in labels]
    assert ", ".join(each.name for each in selector.to_take_off(kind, known)) == off


@pytest.mark.parametrize(
    ("color", "name", "against"),
    [(5, "Selesai", ""), (0, "Selesai", "Dukungan"), (5, "Komplain", "Transaksi"), (4, "Komplain", ""),
     (1, "Pertanyaan baru", "Retargeting"), (2, "Prospek dingin", ""), (None, "Komplain", "")],
)  # fmt: skip
def test_a_colour_that_stands_for_another_category_is_found(color: int | None, name: str, against: str) -> None:
    found = Label.objects.get(name=name)
    in_whatsapp(ChannelFactory(), found, color=color)
    told = [finding.category.name for finding in selector.colors(Viewer(everything=True))]
    assert told == ([against] if against else [])
    ContradictionRule.objects.filter(kind="color").update(active=False)
    assert selector.colors(Viewer(everything=True)) == []


def test_another_teams_colours_are_not_shown() -> None:
    channel: Channel = ChannelFactory()
    in_whatsapp(channel, Label.objects.get(name=NAMES[DONE]), color=0)
    assert selector.colors(Viewer(channels=frozenset())) == []
    assert len(selector.colors(Viewer(channels=frozenset({channel.pk})))) == 1


def in_whatsapp(channel: Channel, means: Label, *, color: int | None) -> ChannelLabel:
    return ChannelLabel.objects.create(
        channel=channel, external_id="1", name=means.name, label=means, color=color, first_seen_at=START
    )
