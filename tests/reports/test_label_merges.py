"""Two labels become one in every report, and are two again, to the byte, when that is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import override
from rest_framework.test import APIClient

from contacts.models import Team
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.bulk import fetch
from labelcrm.core.models import AuditEntry, Job
from labels.jobs import merge_labels, unmerge_labels
from labels.models import (
    ChannelLabelMeaning,
    ContradictionRule,
    Label,
    LabelAlias,
    LabelAssignment,
    LabelMerge,
    LabelSpell,
    StaleFlag,
)
from labels.services import canonical, label_merging, remapping
from labels.services.rebuilding import rebuild
from labels.services.staleness import flag_stale
from reports.models import Segment
from reports.query import parse_query
from reports.registry import REPORTS
from reports.selectors.row_keys import FLAGS
from reports.services.segment_labels import renamed
from tests.factories import UserFactory
from tests.reports.world import World, day
from tests.webhooks.conftest import rows_of_the_file as rows_of_the_file
from tests.work import do_work
from transfer import report_files
from transfer.conversions.models import ConversionEvent, ConversionValue

pytestmark = pytest.mark.django_db
NOW = day(61)
DERIVED = (
    "labels_labelassignment", "labels_labelspell", "labels_cleanspell", "labels_stagestay", "labels_scopedlabelspell",
    "labels_scopedcleanspell", "labels_scopedstagestay",
)  # fmt: skip
KEPT = (
    "labels_label", "labels_labelalias", "labels_channellabel", "labels_channellabelmeaning", "labels_staleflag",
    "labels_stalesnooze", "labels_sampledgrade", "labels_secondlook", "reports_segment", "transfer_conversionevent",
    "transfer_conversionevent_labels", "transfer_conversionvalue", "transfer_conversion", "labels_contradictionrule",
    "labels_labelword", "labels_suggestiondismissal", "labels_handedovercontact",
)  # fmt: skip
UNCOMPARED = {table: {"id", "updated_at"} for table in DERIVED} | {"transfer_conversionevent_labels": {"id"}}


@pytest.fixture(scope="module", autouse=True)
def world(rows_of_the_file: None) -> World:
    world = World(11, contacts=9)
    world.play()
    return world


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def named(name: str) -> Label:
    return Label.all_objects.get(name=name)


def tables() -> dict[str, list[str]]:
    """Every row of every table that a merge may touch, but for the ids of what is derived anew."""
    told = {}
    for table in (*DERIVED, *KEPT):
        hidden = UNCOMPARED.get(table, set()) | {"updated_at"}
        rows = [json.loads(row) for (row,) in fetch(f"SELECT to_jsonb(t)::text FROM {table} t", [])]
        told[table] = sorted(
            json.dumps({name: value for name, value in row.items() if name not in hidden}, sort_keys=True)
            for row in rows
        )
    days = "SELECT scope, label_id, day, sum(added), sum(mistaps), sum(found), sum(removed), sum(lost)"
    sums = fetch(f"{days} FROM labels_labelday GROUP BY 1, 2, 3", [])
    told["labels_labelday"] = sorted(str(row) for row in sums if any(row[3:]))
    return told


def people() -> list[Any]:
    """Who sees everything, and a lead of one of the two teams."""
    return [UserFactory(is_superuser=True), UserFactory(role="cs_lead", teams=[Team.objects.get(name="Sales")])]


def reports(users: list[Any]) -> bytes:
    """Every report in JSON, as the API answers, and every line of its file, by whatever its rows may be."""
    told = []
    for user in users:
        client = APIClient()
        client.force_authenticate(user)
        for report in REPORTS.values():
            for by in [None, *[key.name for key in report.keys]]:
                asked = {"from": "2026-03-02", "to": "2026-04-30"} | ({"by": by} if by else {})
                answer = client.get(f"/api/v1/reports/{report.name}/", asked)
                assert answer.status_code in (200, 400), answer.content
                told.append(answer.content)
                if answer.status_code == 200:
                    query = parse_query(report, asked, viewer=viewer_of(user), now=NOW)
                    told.append(repr(report_files.file_of(query).lines_of(query.rows)).encode())
    return b"\n".join(told)


def merge(source: str, target: str) -> LabelMerge:
    job = merge_labels(source=named(source), target=named(target), differs=True, actor=None)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return LabelMerge.objects.latest("pk")


def unmerge(done: LabelMerge) -> None:
    job = unmerge_labels(done, actor=None)
    do_work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error


def definition(label: int) -> dict[str, Any]:
    row = {"field": "report", "op": "labels", "figure": "added", "row": label, "from": {"days_ago": 30}}
    on = {"field": "label", "op": "active", "labels": [label, named("Selesai").pk]}
    return {"any": [{"all": [on, {"field": "stage", "op": "is", "labels": [None, label]}]}, {"all": [row]}]}


@pytest.fixture
def mentions() -> None:
    """A segment, an event of conversions and a value, all of which name "Prospek panas"."""
    hot, done = named("Prospek panas"), named("Selesai")
    Segment.objects.create(name="Panas", definition=definition(hot.pk), owner=UserFactory())
    Segment.objects.create(name="Selesai saja", definition={"any": [{"all": []}]})
    event = ConversionEvent.objects.create(code="x", name="X", basis="labels", meta_name="Purchase", google_name="x")
    event.labels.set([hot, done])
    ConversionValue.objects.create(event=event, label=hot, value=1000)
    for other in ("Komplain", "Grade A"):
        ContradictionRule.objects.create(kind="pair", label=hot, other=named(other))


def test_merges_that_are_undone_leave_every_report_and_table_as_it_was(mentions: None) -> None:
    """Of labels with other meanings, of one that nobody had mapped, and of one that another became part of before."""
    users = people()
    before, rows = reports(users), tables()
    pairs = [("Prospek panas", "Grade A"), ("Titipan Bu Ani", "Komplain"), ("Grade A", "Selesai")]
    done = [merge(source, target) for source, target in pairs]
    assert reports(users[1:]) not in before
    sources = [named(source) for source, _target in pairs]
    assert not LabelSpell.objects.filter(label__in=sources).exists()
    assert not LabelAssignment.objects.filter(label__in=sources).exists()
    assert rebuild(write=False) == 0
    for each in reversed(done):
        unmerge(each)
    assert reports(users) == before
    assert tables() == rows
    assert rebuild(write=False) == 0


def test_merging_restates_and_ends_no_spell() -> None:
    """docs/metrics.md, "Ground rules", Mapping change: whoever had one of the two has had the one label all along."""
    both = {named("Prospek panas").pk, named("Grade A").pk}
    had = set(LabelSpell.objects.filter(label__in=both).values_list("contact", flat=True))
    lost = LabelSpell.objects.filter(lost=True).count()
    on = set(LabelSpell.objects.filter(label__in=both, ended_at=None).values_list("contact", flat=True))
    merge("Prospek panas", "Grade A")
    now = LabelSpell.objects.filter(label=named("Grade A"))
    assert set(now.values_list("contact", flat=True)) == had
    assert set(now.filter(ended_at=None).values_list("contact", flat=True)) == on
    assert LabelSpell.objects.filter(lost=True).count() <= lost


def test_the_source_is_archived_and_its_names_are_spellings_of_the_target() -> None:
    spellings = set(LabelAlias.objects.filter(label=named("Prospek panas")).values_list("text", flat=True))
    merge("Prospek panas", "Grade A")
    assert named("Prospek panas").deleted_at == NOW
    assert spellings <= set(LabelAlias.objects.filter(label=named("Grade A")).values_list("text", flat=True))
    assert not ChannelLabelMeaning.objects.filter(label=named("Prospek panas")).exists()
    with override("en"), pytest.raises(ValidationError, match="undo the merge"):
        canonical.restore_label(named("Prospek panas"), actor=None, origin="admin")
    assert AuditEntry.objects.filter(action="label.merged", object_id=named("Prospek panas").pk).count() == 1


def test_segments_and_conversions_name_the_target_and_later_the_source_again(mentions: None) -> None:
    hot, grade = named("Prospek panas").pk, named("Grade A").pk
    done = merge("Prospek panas", "Grade A")
    event = ConversionEvent.objects.get(code="x")
    assert Segment.objects.get(name="Panas").definition == definition(grade)
    assert set(event.labels.values_list("name", flat=True)) == {"Grade A", "Selesai"}
    assert event.values.get().label_id == grade
    unmerge(done)
    assert Segment.objects.get(name="Panas").definition == definition(hot)
    assert set(event.labels.values_list("name", flat=True)) == {"Prospek panas", "Selesai"}
    assert event.values.get().label_id == hot


def test_what_somebody_saved_since_keeps_what_they_said(mentions: None) -> None:
    done = merge("Prospek panas", "Grade A")
    anew = {"any": [{"all": [{"field": "label", "op": "ever", "labels": [named("Grade A").pk]}]}]}
    Segment.objects.filter(name="Panas").update(definition=anew)
    unmerge(done)
    assert Segment.objects.get(name="Panas").definition == anew


def test_the_id_of_a_merged_label_answers_with_the_one_that_survived(mentions: None) -> None:
    hot, grade = named("Prospek panas").pk, named("Grade A").pk
    client = APIClient()
    client.force_authenticate(UserFactory(is_superuser=True))
    merge("Prospek panas", "Grade A")
    for path in ("contacts/", "assignments/", "reports/labels/"):
        one, other = (client.get(f"/api/v1/{path}", {"label": pk}) for pk in (hot, grade))
        assert one.status_code == 200
        told, expected = one.json(), other.json()
        assert told.get("results", told.get("rows")) == expected.get("results", expected.get("rows")), path
        assert told.get("results", told.get("rows"))
    asked = [{"any": [{"all": [{"field": "label", "op": "ever", "labels": [pk]}]}]} for pk in (hot, grade)]
    counts = [client.post("/api/v1/segments/preview/", {"definition": each}, format="json").json() for each in asked]
    assert counts[0]["count"] == counts[1]["count"] > 0


def do_a_step(job: Job) -> None:
    core_jobs.run(job.pk, seconds=0)


@pytest.fixture
def few_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_merging, "CHUNK", 3)


def test_a_job_that_is_killed_in_the_middle_and_told_twice_gives_the_same_tables(few_a_step: None) -> None:
    point = transaction.savepoint()
    merge("Prospek panas", "Grade A")
    expected = tables()
    transaction.savepoint_rollback(point)

    job = merge_labels(source=named("Prospek panas"), target=named("Grade A"), differs=True, actor=None)
    do_a_step(job)
    job.refresh_from_db()
    half = job.cursor
    killed = transaction.savepoint()
    label_merging.merge_step(job)  # a step whose worker is killed before it commits
    transaction.savepoint_rollback(killed)
    Job.objects.filter(pk=job.pk).update(lease=None, leased_until=None)
    do_a_step(job)
    job.refresh_from_db()
    assert job.cursor["after"] > half["after"]
    Job.objects.filter(pk=job.pk).update(cursor=half, progress=3)  # told twice: done again from where it was
    do_work()
    told = tables()
    assert {name for name in told if told[name] != expected[name]} == set()


def test_a_merge_that_is_stopped_on_its_way_is_undone(few_a_step: None, mentions: None) -> None:
    rows = tables()
    job = merge_labels(source=named("Prospek panas"), target=named("Grade A"), differs=True, actor=None)
    do_a_step(job)
    assert tables() != rows
    core_jobs.cancel(job, actor=None)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.progress) == (Job.State.CANCELLED, 0)
    assert tables() == rows


def test_an_undoing_that_is_stopped_on_its_way_leaves_them_one(few_a_step: None, mentions: None) -> None:
    before = tables()
    done = merge("Prospek panas", "Grade A")
    rows = tables()
    job = unmerge_labels(done, actor=None)
    do_a_step(job)
    core_jobs.cancel(job, actor=None)
    do_work()
    assert {name for name, told in tables().items() if told != rows[name]} <= {"labels_label", "labels_staleflag"}
    done.refresh_from_db()
    assert done.undone_at is None
    unmerge(done)
    assert tables() == before, "and it can be undone afterwards"


def test_flags_go_with_the_label_and_a_person_who_closed_one_since_is_heard() -> None:
    flag_stale(NOW)
    flags = StaleFlag.objects.filter(label=named("Prospek panas"), closed_at=None)
    first = flags.order_by("pk").first()
    assert first is not None
    done = merge("Prospek panas", "Grade A")
    assert not flags.exists()
    StaleFlag.objects.filter(pk=first.pk).update(closed_at=NOW, closed_reason="snoozed", closed_by=UserFactory())
    unmerge(done)
    first.refresh_from_db()
    assert (first.label, first.closed_reason) == (named("Prospek panas"), "snoozed")


def test_what_cannot_be_meant_is_refused() -> None:
    hot, grade, done = named("Prospek panas"), named("Grade A"), named("Selesai")
    with pytest.raises(ValidationError) as itself:
        merge_labels(source=hot, target=hot, differs=True, actor=None)
    with pytest.raises(ValidationError) as differs:
        merge_labels(source=hot, target=done, differs=False, actor=None)
    canonical.archive_label(done, actor=None, origin="admin")
    with pytest.raises(ValidationError) as archived:
        merge_labels(source=hot, target=named("Selesai"), differs=True, actor=None)
    with pytest.raises(ValidationError) as unmapped:
        merge_labels(source=hot, target=named("Titipan Bu Ani"), differs=True, actor=None)
    found = [each.value.code for each in (itself, differs, archived, unmapped)]
    assert found == ["itself", "differs", "archived", "unmapped"]
    assert label_merging.differences(hot, grade) == ["meaning", "exclusive_group"]


def test_of_two_merges_asked_for_at_once_the_second_is_refused_by_its_job() -> None:
    hot = named("Prospek panas")
    merge_labels(source=hot, target=named("Grade A"), differs=True, actor=None)
    second = merge_labels(source=hot, target=named("Selesai"), differs=True, actor=None)
    do_work()
    second.refresh_from_db()
    assert (second.state, second.error) == (Job.State.FAILED, "merged")


def test_a_later_merge_is_undone_first() -> None:
    first = merge("Prospek panas", "Grade A")
    second = merge("Grade A", "Grade B")
    with pytest.raises(ValidationError) as refused:
        unmerge_labels(first, actor=None)
    assert refused.value.code == "later"
    unmerge(second)
    unmerge(first)
    assert not LabelMerge.objects.filter(undone_at=None).exists()


def test_an_undoing_waits_for_a_name_that_somebody_else_has_by_now() -> None:
    done = merge("Prospek panas", "Grade A")
    Label.objects.create(name="Prospek panas")
    with pytest.raises(ValidationError) as refused:
        unmerge_labels(done, actor=None)
    assert refused.value.code == "name"


def test_a_decision_about_a_whatsapp_label_is_taken_back_to_what_its_label_became() -> None:
    meaning = ChannelLabelMeaning.objects.filter(label=named("Prospek panas")).first()
    assert meaning is not None
    row = meaning.channel_label
    was = remapping._as_it_is(row)
    merge("Prospek panas", "Grade A")
    remapping._put_back(row, was, actor=None)
    row.refresh_from_db()
    assert row.label == named("Grade A")


@pytest.mark.parametrize("given", [None, [], {"any": 1}, {"any": [1]}, {"any": [{"all": [1, {"labels": 1}]}]}])
def test_a_definition_that_cannot_be_read_stays_as_it_is(given: Any) -> None:
    assert renamed(given, 1, 2) == given


def test_a_row_that_is_a_pair_of_labels_is_renamed() -> None:
    def row(report: str, row: Any, **more: Any) -> Any:
        given = {"any": [{"all": [{"field": "report", "op": report, "figure": "x", "row": row, **more}]}]}
        return renamed(given, 1, 5)["any"][0]["all"][0]["row"]

    assert [row("moves", "1:12"), row("moves", "1:1"), row("moves", "11:new")] == ["5:12", "5:5", "11:new"]
    assert [row("labels", 1), row("labels", 12), row("labels", 1, by="team")] == [5, 12, 1]
    assert [row("labels", "2026-01-01", by="day"), row("labels", "1", by="category")] == ["2026-01-01", "1"]
    flags = next(each.name for each in REPORTS.values() if FLAGS in {key.type for key in (each.key, *each.keys)})
    assert [row(flags, "1-12"), row(flags, "12-1"), row(flags, "1-1-12")] == ["5-12", "12-1", "1-1-12"]


def test_a_rule_for_two_labels_follows_one_of_them_and_keeps_both(mentions: None) -> None:
    hot, grade = named("Prospek panas"), named("Grade A")
    done = merge("Prospek panas", "Grade A")
    pairs = ContradictionRule.objects.filter(kind="pair").order_by("pk")
    assert list(pairs.values_list("label__name", "other__name")) == [
        ("Grade A", "Komplain"), ("Prospek panas", "Grade A"),
    ]  # fmt: skip
    unmerge(done)
    assert set(pairs.values_list("label", flat=True)) == {hot.pk}
    assert grade.pk in pairs.values_list("other", flat=True)


# What a merge does about each column that points at a label. Derived ones follow when their contacts are restated.
MOVED = {
    "labels_labelalias.label_id", "labels_channellabelmeaning.label_id", "labels_channellabel.label_id",
    "labels_staleflag.label_id", "labels_stalesnooze.label_id", "labels_sampledgrade.label_id",
    "labels_secondlook.label_id", "labels_contradictionrule.label_id", "labels_contradictionrule.other_id",
    "labels_labelword.label_id", "labels_suggestiondismissal.label_id", "labels_handedovercontact.label_id",
    "transfer_conversionevent_labels.label_id", "transfer_conversionvalue.label_id", "transfer_conversion.label_id",
}  # fmt: skip
# Settings of the source itself, what was learned of it, what a contradiction was about then, and the merge.
LEFT = {
    "labels_teamlimit.label_id", "labels_learnedlimit.label_id", "labels_labeltextmodel.label_id",
    "labels_contradictionflag.awaited_id", "labels_contradictionflag.taken_off_id", "labels_labelmerge.source_id",
    "labels_labelmerge.target_id", "labels_refusedname.label_id",
}  # fmt: skip


def test_every_column_that_points_at_a_label_is_moved_derived_or_left_on_purpose() -> None:
    pointing = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if field.remote_field is not None and field.remote_field.model is Label
    }
    derived = {f"{table}.{name}" for table in (*DERIVED, "labels_labelday") for name in ("label_id", "return_to_id")}
    assert pointing - derived - MOVED - LEFT == set()
    assert (MOVED | LEFT) - pointing == set()
