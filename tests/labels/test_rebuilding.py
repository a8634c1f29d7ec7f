"""Everything derived can be derived again, and tampering is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone

from contacts.models import Contact, ContactMerge
from labels.models import CleanSpell, Label, LabelAssignment, LabelDay, LabelEvent, LabelSpell, StageStay, StaleFlag
from labels.services import merging, staleness
from labels.services.rebuilding import rebuild
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge
from tests.work import remap_now

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
LID = "99887766554433@lid"
BUDI = "6281200000001"


@pytest.fixture
def bridge() -> Bridge:
    bridge = Bridge(agent="rina")
    bridge.save("1", "Grade A", at=MON)
    bridge.save("2", "Hot", at=MON)
    for n in range(12):
        at = MON + timedelta(hours=n + 1)
        bridge.label("added" if n % 3 else "removed", str(n % 2 + 1), f"62812000000{n % 4:02}", at=at)
    bridge.drain()
    return bridge


def everything() -> list[list[tuple[object, ...]]]:
    """All derived rows, without ids and times of writing."""
    fields = ("contact", "label", "started_at", "ended_at")
    return [
        sorted(
            LabelAssignment.objects.values_list("contact", "channel_label", "label", "added_at", "removed_at"), key=str
        ),
        sorted(LabelSpell.objects.values_list(*fields), key=str),
        sorted(CleanSpell.objects.values_list(*fields), key=str),
        sorted(StageStay.objects.values_list(*fields), key=str),
        day_sums(),
    ]


def day_sums() -> list[tuple[object, ...]]:
    """However many differences a sum is written in."""
    sums = {name: Sum(name) for name in ("added", "found", "removed", "lost")}
    rows = (
        LabelDay.objects.order_by().values("scope", "label", "day").annotate(**{f"n_{k}": v for k, v in sums.items()})
    )
    return sorted((tuple(row.values()) for row in rows if any(row[f"n_{k}"] for k in sums)), key=str)


@pytest.mark.usefixtures("bridge")
def test_wiped_tables_come_back_identical() -> None:
    before = everything()
    for model in (LabelDay, StageStay, CleanSpell, LabelSpell, LabelAssignment):
        model.objects.all().delete()
    assert rebuild(write=True) > 0
    assert everything() == before
    assert rebuild(write=False) == 0


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    "tamper",
    [
        lambda: LabelAssignment.objects.filter(removed_at__isnull=True).update(added_at=MON),
        lambda: LabelAssignment.objects.update(channel_label_name="lain"),
        lambda: LabelAssignment.objects.order_by("id")[:1].get().delete(),
        lambda: LabelSpell.objects.update(found=True),
        lambda: LabelDay.objects.update(added=99),
        lambda: StageStay.objects.all().delete(),
    ],
)
def test_check_finds_what_was_tampered_with_and_changes_nothing(tamper: object) -> None:
    before = everything()
    tamper()  # type: ignore[operator]
    tampered = everything()
    with pytest.raises(SystemExit, match="1"):
        call_command("rebuild_labels", check=True)
    assert everything() == tampered
    call_command("rebuild_labels")
    assert everything() == before
    call_command("rebuild_labels", check=True)


def test_a_merge_can_be_undone_with_all_its_history(bridge: Bridge) -> None:
    bridge.label("added", "1", LID, at=MON + timedelta(hours=1))
    bridge.label("removed", "1", LID, at=MON + timedelta(hours=30))
    bridge.label("added", "1", BUDI, at=MON + timedelta(hours=29))
    bridge.drain()
    before = everything()
    events = sorted(LabelEvent.objects.values_list("id", "contact", "effect"))
    survivor, merged = Contact.objects.get(phone=f"+{BUDI}"), Contact.objects.get(phone="")
    record = merging.merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="by hand", actor=None)
    assert not LabelAssignment.objects.filter(contact=merged).exists()
    assert rebuild(write=False) == 0
    merging.unmerge(record=record, actor=None)
    assert everything() == before
    assert sorted(LabelEvent.objects.values_list("id", "contact", "effect")) == events
    assert ContactMerge.objects.get().undone_at is not None


def test_a_label_that_always_meant_something_else_restates_the_past(bridge: Bridge) -> None:
    other = Label.objects.get(name="Grade B")
    row = bridge.channel.labels.get(external_id="1")
    remap_now(channel_label=row, label=other, since=None, actor=None)
    assert not LabelSpell.objects.filter(label__name="Grade A").exists()
    assert set(LabelAssignment.objects.filter(channel_label=row).values_list("label__name", flat=True)) == {"Grade B"}
    assert rebuild(write=False) == 0


def test_a_stale_flag_closes_at_once_when_its_label_always_meant_something_else(bridge: Bridge) -> None:
    assert staleness.flag_stale(timezone.now()).flagged > 0
    row = bridge.channel.labels.get(external_id="1")
    remap_now(channel_label=row, label=Label.objects.get(name="Selesai"), since=None, actor=None)
    assert not StaleFlag.objects.filter(label__name="Grade A", closed_at=None).exists()


def test_a_label_that_means_something_else_from_a_date_on_splits_its_spells_there(bridge: Bridge) -> None:
    bridge.label("added", "1", "6281299999999", at=MON + timedelta(hours=1))
    bridge.drain()
    cut = MON + timedelta(hours=50)
    row = bridge.channel.labels.get(external_id="1")
    remap_now(channel_label=row, label=Label.objects.get(name="Grade B"), since=cut, actor=None)
    contact = Contact.objects.get(phone="+6281299999999")
    spells = LabelSpell.objects.filter(contact=contact).order_by("started_at")
    assert list(spells.values_list("label__name", "ended_at", "lost", "found")) == [
        ("Grade A", cut, True, False),
        ("Grade B", None, False, True),
    ]
    bridge.save("1", "Grade A ", at=MON + timedelta(hours=60))
    bridge.drain()
    assert LabelSpell.objects.filter(contact=contact).count() == 2
    assert rebuild(write=False) == 0
