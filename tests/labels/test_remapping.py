"""What a person decides about a WhatsApp label can be that it counts nowhere, and can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labelcrm.core.models import Job
from labels import jobs
from labels.models import ChannelLabel, Label, LabelAlias, LabelAssignment, LabelSpell
from labels.services.rebuilding import rebuild
from labels.services.refusals import refuse
from tests.webhooks.conftest import _front_store as _front_store
from tests.webhooks.generic import Bridge
from tests.work import do_work, remap_now

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
RINA, BUDI = "6281200000001", "6281200000002"


def labelled(bridge: Bridge, name: str = "Nunggu dulu") -> ChannelLabel:
    """A WhatsApp label that two contacts have, and whose name nobody knows."""
    bridge.save("1", name, at=MON)
    bridge.label("added", "1", RINA, at=MON + timedelta(hours=1))
    bridge.label("added", "1", BUDI, at=MON + timedelta(hours=2))
    bridge.drain()
    return ChannelLabel.objects.get(channel=bridge.channel)


def spells() -> set[str]:
    return {spell.label.name for spell in LabelSpell.objects.select_related("label")}


def decide(row: ChannelLabel, label: Label | None, batch: str = "") -> Job:
    return jobs.remap(channel_label=row, label=label, since=None, actor=None, batch=batch)


def waiting() -> Label:
    return Label.objects.get(name="Menunggu pembayaran")


def test_what_is_not_counted_leaves_every_figure() -> None:
    row = labelled(Bridge())
    decide(row, None)
    do_work()
    row.refresh_from_db()
    assert (row.ignored, row.hidden) == (True, True)
    assert not LabelSpell.objects.exists()
    assert not LabelAssignment.objects.active().exists()
    assert rebuild(write=False) == 0


def test_what_is_not_counted_stays_so_when_whatsapp_renames_it() -> None:
    bridge = Bridge()
    row = labelled(bridge)
    decide(row, None)
    do_work()
    bridge.save("1", "Grade A", at=MON + timedelta(hours=5))
    bridge.drain()
    row.refresh_from_db()
    assert (row.name, row.ignored, row.hidden) == ("Grade A", True, True)
    assert not LabelSpell.objects.exists()


def test_what_was_not_counted_counts_again_from_its_beginning() -> None:
    row = labelled(Bridge())
    decide(row, None)
    do_work()
    jobs.remap(channel_label=row, label=waiting(), since=MON + timedelta(days=1), actor=None)
    do_work()
    row.refresh_from_db()
    assert (row.ignored, row.hidden, row.label) == (False, False, waiting())
    assert spells() == {"Menunggu pembayaran"}
    assert rebuild(write=False) == 0


@pytest.mark.parametrize("label", ["Menunggu pembayaran", None])
def test_a_decision_that_was_carried_out_is_taken_back(label: str | None) -> None:
    row = labelled(Bridge())
    before = list(row.meanings.values_list("label__name", "name", "since", "decided_at", "created_at"))
    job = decide(row, Label.objects.get(name=label) if label else None)
    do_work()
    assert spells() == ({label} if label else set())
    job.refresh_from_db()
    jobs.take_back(job, actor=None)
    do_work()
    row.refresh_from_db()
    assert spells() == {"Nunggu dulu"}
    assert (row.label.name, row.ignored, row.hidden) == ("Nunggu dulu", False, False)
    assert list(row.meanings.values_list("label__name", "name", "since", "decided_at", "created_at")) == before
    assert Label.objects.filter(name="Nunggu dulu").exists(), "archived when nothing used it, and living again"
    assert LabelAlias.objects.get(normalized="nunggu dulu").label.name == "Nunggu dulu"
    assert rebuild(write=False) == 0


def test_a_decision_that_waits_is_taken_back_before_it_begins() -> None:
    row = labelled(Bridge())
    job = decide(row, waiting())
    jobs.take_back(job, actor=None)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert spells() == {"Nunggu dulu"}


def test_what_was_decided_again_since_is_not_taken_back() -> None:
    row = labelled(Bridge())
    first = decide(row, waiting())
    do_work()
    remap_now(channel_label=row, label=Label.objects.get(name="Selesai"), since=None, actor=None)
    first.refresh_from_db()
    again = jobs.take_back(first, actor=None)
    do_work()
    again.refresh_from_db()
    assert (again.state, again.error) == (Job.State.FAILED, "decided_since")
    assert spells() == {"Selesai"}


def test_the_next_number_understands_a_name_that_was_decided_about() -> None:
    remap_now(channel_label=labelled(Bridge()), label=waiting(), since=None, actor=None)
    other = labelled(Bridge("cs2"), "NUNGGU dulu!")
    assert other.label == waiting()


@pytest.mark.parametrize(
    ("name", "means"),
    [("Blm TF", "Menunggu pembayaran"), ("Beres", "Selesai"), ("Belum beres", "Belum beres"), ("Hot deal", "Hot deal")],
)
def test_a_new_name_is_mapped_by_itself_where_it_certainly_means_a_label(name: str, means: str) -> None:
    row = labelled(Bridge(), name)
    assert row.label.name == means
    assert spells() == {means}
    assert row.meanings.get().decided_at is None, "a name that is told later may mean something else"
    assert rebuild(write=False) == 0


def test_a_name_that_a_person_refused_is_not_mapped_by_itself() -> None:
    refuse(["blm tf"], label=waiting(), actor=None)
    assert labelled(Bridge(), "Blm TF").label.name == "Blm TF"


def test_a_spelling_that_people_gave_a_label_stays_with_it() -> None:
    row = labelled(Bridge(), "Hot")
    remap_now(channel_label=row, label=waiting(), since=None, actor=None)
    assert LabelAlias.objects.get(normalized="hot").label.name == "Prospek panas"


def test_what_was_decided_together_is_found_together() -> None:
    row = labelled(Bridge())
    job = decide(row, waiting(), batch="b1")
    decide(row, None, batch="b2")
    assert jobs.remapped_together("b1", actor=None) == [job]
    jobs.take_back(job, actor=None)
    assert jobs.remapped_together("b1", actor=None) == []
    assert jobs.remapped_together("", actor=None) == []
