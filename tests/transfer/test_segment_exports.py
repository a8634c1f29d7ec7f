"""Exports of segments: who is in the file, who is not and why, and that nobody is ever counted twice."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.bulk import execute
from labelcrm.core.models import AuditEntry, Job, JobFile
from labels.models import Label
from labels.services.merging import merge
from reports.models import Segment
from reports.segments.definition import parse_definition
from reports.segments.members import Members
from tests.api.story import Story
from tests.factories import TeamFactory, UserFactory
from tests.work import do_work
from transfer import exports, jobs, snapshots
from transfer.funnel import Exclusions, Funnel
from transfer.layouts import LAYOUTS, first_name
from transfer.models import EXCLUSIONS, Export, ExportedPerson, Reason, SealedExport
from transfer.people_export import ExportOrder

pytestmark = pytest.mark.django_db

EVERYBODY: dict[str, Any] = {"any": [{"all": []}]}


@dataclass
class Market:
    """A story of contacts with Grade A, and a marketer who exports them."""

    story: Story
    user: Any = field(default_factory=lambda: UserFactory(role="marketing", language="en"))

    def people(self, count: int, label: str = "Grade A") -> list[Contact]:
        found = [self.story.contact(name=f"Budi {n}") for n in range(count)]
        for contact in found:
            self.story.put_on(contact, label)
        return found

    def segment(self, definition: Any = None, **values: Any) -> Segment:
        return Segment.objects.create(name="Grade A", definition=definition or graded(), owner=self.user, **values)

    def start(
        self, segment: Segment, *, layout: str = exports.CSV, columns: Any = (), user: Any = None, **asked: Any
    ) -> Export:
        order = ExportOrder(layout=LAYOUTS[layout], columns=columns, exclusions=Exclusions(**asked))
        return jobs.export_segment(segment, order, owner=user or self.user)

    def export(self, segment: Segment, **asked: Any) -> Export:
        return done(self.start(segment, **asked))


def graded(**more: Any) -> dict[str, Any]:
    label = {"field": "label", "op": "active", "labels": [Label.objects.get(name="Grade A").pk]}
    return {"any": [{"all": [label | more]}]}


def done(export: Export) -> Export:
    do_work()
    found = Export.objects.get(pk=export.pk)
    assert found.job is not None
    assert found.state == Job.State.DONE, (found.state, found.job.error)
    assert found.matched == (found.rows or 0) + sum(found.excluded.values())
    return found


def made(export: Export) -> bytes:
    answer: Any = Client().get(jobs.export_link(export))
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content)
    assert hashlib.sha256(body).hexdigest() == export.sha256
    return body


def lines(export: Export, delimiter: str = ",") -> list[dict[str, str]]:
    text = made(export).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def names(export: Export) -> list[str]:
    return [line["name"] for line in lines(export)]


def left_out(export: Export) -> dict[str, int]:
    return {name: count for name, count in export.excluded.items() if count}


def opt_out(*contacts: Contact) -> None:
    Contact.all_objects.filter(pk__in=[contact.pk for contact in contacts]).update(opted_out_at=timezone.now())


def join(merged: int, survivor: int) -> None:
    merge(survivor_id=survivor, merged_id=merged, reason="person", actor=None)


@pytest.fixture
def market(story: Story) -> Market:
    return Market(story)


@pytest.fixture
def three_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 3)


@pytest.fixture
def team(db: None) -> Any:
    return TeamFactory(name="Sales")


@pytest.fixture
def story(team: Any) -> Story:
    return Story(team=team)


# -- The funnel -------------------------------------------------------------------------------------------------------


def test_the_file_has_whom_the_segment_means_and_begins_with_three_columns(market: Market) -> None:
    people = market.people(3)
    market.people(1, "Prospek dingin")
    export = market.export(market.segment(), columns=["campaign", "phone"])
    assert made(export).startswith(b"\xef\xbb\xbfphone,name,labels,campaign\r\n")
    assert [line["phone"] for line in lines(export)] == [contact.phone.removeprefix("+") for contact in people]
    assert {line["labels"] for line in lines(export)} == {"Grade A"}


def test_each_is_counted_once_at_the_first_reason_that_holds(market: Market) -> None:
    """Everybody after the first has one reason more than the one before, and is counted at the earliest of theirs."""
    people = market.people(6)
    segment = market.segment()
    first = market.export(segment)
    assert first.rows == 6
    fresh = market.people(2)
    complaining, opted_out, hidden = people[:1], people[:2], people[:3]
    for contact in complaining:
        market.story.put_on(contact, "Komplain")
    opt_out(*opted_out)
    Contact.objects.filter(pk__in=[contact.pk for contact in hidden]).update(phone="")
    recent = market.export(segment, exported_days=7, only_new=True)
    assert left_out(recent) == {"complaint": 1, "opted_out": 1, "recently_exported": 4}
    assert names(recent) == [contact.name for contact in fresh]
    without_days = market.export(segment, only_new=True)
    assert left_out(without_days) == {"complaint": 1, "opted_out": 1, "no_phone": 1, "not_new": 5}
    assert (without_days.matched, without_days.rows) == (8, 0)


def test_opted_out_people_are_in_no_file_whatever_is_asked(market: Market) -> None:
    people = market.people(3)
    opt_out(people[1])
    export = market.export(market.segment(), complaint=False, no_phone=False)
    assert names(export) == ["Budi 0", "Budi 2"]
    assert left_out(export) == {"opted_out": 1}


def test_a_complaint_counts_in_the_scope_of_who_exports(market: Market) -> None:
    """A lead of one team does not see, and is not told of, the complaint that another team has."""
    [contact] = market.people(1)
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    other.seen(contact)
    other.put_on(contact, "Komplain")
    lead = UserFactory(role="cs_lead", teams=[market.story.channel.team])
    segment = market.segment(shared="everyone")
    assert left_out(market.export(segment)) == {"complaint": 1}
    assert left_out(market.export(segment, user=lead)) == {}
    assert market.export(segment, complaint=False).rows == 1


def test_who_was_in_a_recent_file_is_left_out_and_who_was_held_out_is_not(market: Market) -> None:
    market.people(10)
    segment, other = market.segment(), market.segment(EVERYBODY)
    half = market.export(other, hold_out=50)
    assert (half.rows, half.excluded["hold_out"]) == (5, 5)
    rest = market.export(segment, exported_days=1)
    assert (rest.rows, left_out(rest)) == (5, {"recently_exported": 5})
    first = set(ExportedPerson.objects.filter(export=half, reason=Reason.FILE).values_list("contact_id", flat=True))
    second = set(ExportedPerson.objects.filter(export=rest, reason=Reason.FILE).values_list("contact_id", flat=True))
    assert first | second == set(Contact.objects.values_list("pk", flat=True))


def test_the_days_are_counted_from_when_the_file_was_done(market: Market) -> None:
    market.people(1)
    segment = market.segment()
    first = market.export(segment)
    _backdate(first, days=3)
    assert market.export(segment, exported_days=2).rows == 1
    _backdate(Export.objects.latest("pk"), days=3)
    assert market.export(segment, exported_days=4).rows == 0


def _backdate(export: Export, *, days: int) -> None:
    """As if the export had been done so many days earlier: sealed rows are changed by nothing but SQL."""
    execute(
        "UPDATE transfer_export SET finished_at = finished_at - make_interval(days => %s) WHERE id = %s",
        [days, export.pk],
    )


def test_a_merged_contact_was_exported_too(market: Market) -> None:
    old, kept = market.people(2)
    segment = market.segment()
    Contact.objects.filter(pk=kept.pk).update(opted_out_at=timezone.now())
    market.export(segment)
    Contact.objects.filter(pk=kept.pk).update(opted_out_at=None)
    join(old.pk, kept.pk)
    assert left_out(market.export(segment, exported_days=1)) == {"recently_exported": 1}
    assert left_out(market.export(segment, only_new=True)) == {"not_new": 1}


@pytest.mark.parametrize(
    ("people", "percent", "held_out"), [(10, 0, 0), (10, 20, 2), (3, 50, 2), (1, 50, 1), (7, 7, 0)]
)
def test_so_many_are_held_out_and_the_preview_says_so(market: Market, people: int, percent: int, held_out: int) -> None:
    market.people(people)
    segment = market.segment()
    funnel = funnel_of(market, segment, hold_out=percent)
    export = market.export(segment, hold_out=percent)
    assert export.excluded["hold_out"] == funnel.counts().excluded["hold_out"] == held_out
    assert len(lines(export)) == export.rows == people - held_out


def test_chance_holds_out_the_same_again_for_one_export_and_others_for_another(market: Market) -> None:
    market.people(30)
    segment = market.segment()
    one, other = (market.export(segment, hold_out=50) for _ in range(2))
    drawn = [set(snapshots.people(export, Reason.HOLD_OUT, after=0, limit=99)) for export in (one, other)]
    assert drawn[0] != drawn[1]
    order = sorted(
        Contact.objects.values_list("pk", flat=True),
        key=lambda pk: hashlib.md5(f"{one.pk}:{pk}".encode()).hexdigest(),
    )
    assert drawn[0] == set(order[:15])


def funnel_of(market: Market, segment: Segment, **asked: Any) -> Funnel:
    viewer, now = viewer_of(market.user), timezone.now()
    members = Members(parse_definition(segment.definition), viewer, now)
    return Funnel(members.query, Exclusions(**asked), viewer, now, segment=segment.pk)


def test_the_preview_and_the_export_say_the_same_and_open_the_same_people(market: Market) -> None:
    chance = random.Random(11)
    people = market.people(40)
    segment = market.segment()
    market.export(market.segment(graded(channels=[market.story.channel.key])), hold_out=50)
    for contact in chance.sample(people, 8):
        market.story.put_on(contact, "Komplain")
    opt_out(*chance.sample(people, 8))
    Contact.objects.filter(pk__in=[c.pk for c in chance.sample(people, 8)]).update(phone="")
    funnel = funnel_of(market, segment, exported_days=1)
    found = funnel.counts()
    before = {reason: funnel.people(reason, after=0, limit=99) for reason in (*EXCLUSIONS, Reason.FILE)}
    export = market.export(segment, exported_days=1)
    assert (found.matched, found.excluded, found.rows) == (export.matched, export.excluded, export.rows)
    for reason, people_before in before.items():
        assert people_before == snapshots.people(export, reason, after=0, limit=99)
        assert len(people_before) == (export.rows if reason is Reason.FILE else export.excluded[reason.code])
    assert funnel.people(None, after=0, limit=3) == [contact.pk for contact in people[:3]]
    assert funnel.people(None, after=people[2].pk, limit=3) == [contact.pk for contact in people[3:6]]


# -- Whatever happens while it runs -----------------------------------------------------------------------------------


def steps(export: Export, count: int) -> None:
    assert export.job is not None
    for _ in range(count):
        core_jobs.run(export.job.pk, seconds=0)


@pytest.mark.parametrize("layout", [exports.CSV, exports.XLSX, "excel_id"])
@pytest.mark.parametrize("when", [0, 1, 2, 3, 4])
def test_who_opts_out_at_any_step_is_in_no_file(market: Market, three_a_step: None, when: int, layout: str) -> None:
    """Before it is frozen, before their piece is written, and after it was: always counted as opted out, once."""
    people = market.people(9)
    export = market.start(market.segment(), layout=layout)
    steps(export, when)
    opt_out(people[0], people[4], people[8])
    export = done(export)
    assert left_out(export) == {"opted_out": 3}
    phones = all_phones(export, layout)
    assert phones == [people[n].phone.removeprefix("+") for n in (1, 2, 3, 5, 6, 7)]
    assert export.rows == len(phones) == 6


def all_phones(export: Export, layout: str) -> list[str]:
    if layout == exports.XLSX:
        sheet: Any = load_workbook(io.BytesIO(made(export))).active
        return [row[0].value for row in sheet.iter_rows(min_row=2)]
    return [line["phone"] for line in lines(export, ";" if layout == "excel_id" else ",")]


def test_more_who_opt_out_than_one_step_writes_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    people = market.people(25)
    export = market.start(market.segment())
    steps(export, 26)
    opt_out(*people[2:])
    assert names(done(export)) == ["Budi 0", "Budi 1"]


def test_who_is_merged_into_somebody_who_opted_out_is_in_no_file(market: Market, three_a_step: None) -> None:
    people = market.people(4)
    export = market.start(market.segment())
    steps(export, 3)
    opt_out(people[3])
    join(people[0].pk, people[3].pk)
    export = done(export)
    assert names(export) == ["Budi 1", "Budi 2"]
    assert (export.matched, left_out(export)) == (4, {"opted_out": 2})


def test_who_is_gone_when_their_row_is_written_no_longer_matches(market: Market, three_a_step: None) -> None:
    people = market.people(6)
    export = market.start(market.segment())
    steps(export, 2)
    Contact.objects.filter(pk=people[4].pk).update(deleted_at=timezone.now())
    export = done(export)
    assert (export.matched, export.rows, left_out(export)) == (5, 5, {})
    assert export.job is not None
    assert export.job.result["gone"] == 1


def test_the_definition_is_that_of_the_click(market: Market) -> None:
    market.people(2)
    market.people(2, "Prospek dingin")
    segment = market.segment()
    export = market.start(segment)
    Segment.objects.filter(pk=segment.pk).update(definition=EVERYBODY, name="Semua")
    export = done(export)
    assert (export.rows, export.name, export.definition) == (2, "Grade A", graded())
    assert "Grade A" in export.sentence
    assert export.scope in ("everybody's contacts", "kontak semua orang")


def test_a_cancelled_export_leaves_nobody_in_a_snapshot(market: Market, three_a_step: None) -> None:
    market.people(4)
    segment = market.segment()
    export = market.start(segment)
    steps(export, 2)
    assert export.job is not None
    core_jobs.cancel(export.job, actor=market.user)
    do_work()
    export.refresh_from_db()
    export.job.refresh_from_db()
    assert (export.state, jobs.export_link(export)) == (Job.State.CANCELLED, "")
    assert not ExportedPerson.objects.exists()
    assert not JobFile.objects.exists()
    Job.objects.filter(export=export).delete()  # as after 90 days
    assert Export.objects.get(pk=export.pk).state == Job.State.CANCELLED
    assert market.export(segment, exported_days=1, only_new=True).rows == 4


def test_of_two_that_are_asked_for_together_the_second_knows_who_is_in_the_first(
    market: Market, three_a_step: None
) -> None:
    market.people(4)
    segment = market.segment()
    first, second = market.start(segment), market.start(segment, only_new=True)
    steps(first, 2)
    assert second.job is not None
    core_jobs.run(second.job.pk, seconds=600)
    assert Export.objects.get(pk=second.pk).state == Job.State.QUEUED, "it waits"
    market.people(1)
    assert (done(first).rows, left_out(done(second)), done(second).rows) == (4, {"not_new": 4}, 1)


def test_an_export_that_is_not_done_excludes_nobody_from_another(market: Market, three_a_step: None) -> None:
    market.people(4)
    segment = market.segment()
    unfinished = market.start(segment)
    steps(unfinished, 2)
    other = market.start(market.segment(), exported_days=1, only_new=True)
    assert other.job is not None
    core_jobs.run(other.job.pk, seconds=600)
    other.refresh_from_db()
    assert other.rows == 4


def test_what_failed_and_is_tried_again_is_judged_anew(market: Market, three_a_step: None) -> None:
    """Another file had the same people in the meantime; one wrote a complaint, and one more is meant."""
    people = market.people(4)
    segment = market.segment()
    failed = market.start(segment, only_new=True)
    steps(failed, 2)
    Job.objects.filter(pk=failed.job_id).update(state=Job.State.FAILED, lease=None, leased_until=None)
    assert market.export(segment, only_new=True).rows == 4
    market.story.put_on(people[0], "Komplain")
    market.people(1)
    assert core_jobs.retry(Job.objects.get(pk=failed.job_id), actor=market.user)
    found = done(failed)
    assert (found.matched, found.rows, left_out(found)) == (5, 1, {"complaint": 1, "not_new": 3})
    assert len(lines(found)) == 1


@pytest.mark.parametrize("layout", [exports.CSV, exports.XLSX])
def test_of_two_segments_exported_at_once_nobody_is_in_both_files(
    market: Market, three_a_step: None, layout: str
) -> None:
    market.people(7)
    first = market.start(market.segment(), exported_days=7, layout=layout)
    second = market.start(market.segment(EVERYBODY), exported_days=7, layout=layout)
    for export in (first, second):
        steps(export, 3)
    first, second = done(first), done(second)
    assert (first.rows, second.rows, left_out(second)) == (7, 0, {"recently_exported": 7})
    assert all_phones(second, layout) == []


def test_whoever_loses_a_team_while_the_file_is_written_has_nobody_of_it_in_the_file(
    market: Market, three_a_step: None
) -> None:
    other = Story(team=TeamFactory(name="Grosir"), key="cs2", agent="CS Dewi")
    market.people(4)
    theirs = [other.contact(name=f"Grosir {n}") for n in range(4)]
    for contact in theirs:
        other.put_on(contact, "Grade A")
    lead = UserFactory(role="cs_lead", teams=[market.story.channel.team, other.channel.team])
    export = market.start(market.segment(shared="everyone"), user=lead)
    steps(export, 4)
    lead.teams.remove(other.channel.team)
    found = done(export)
    assert (found.matched, found.rows) == (4, 4)
    assert all(name.startswith("Budi") for name in names(found))


@pytest.mark.parametrize("layout", [exports.CSV, exports.XLSX])
def test_killed_in_any_step_it_makes_the_same_file_once(
    market: Market, three_a_step: None, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.people(10)
    segment = market.segment()
    undisturbed, killed = (market.start(segment, layout=layout, hold_out=10) for _ in range(2))
    Job.objects.update(created_at=timezone.now())
    kind = core_jobs.KINDS["segments.export"]
    dying = iter([True, False, True, True, False, True, False])

    def step(job: Job) -> Any:
        found = kind.step(job)
        if job.pk == killed.job_id and next(dying, False):
            raise SystemExit
        return found

    monkeypatch.setitem(core_jobs.KINDS, "segments.export", replace(kind, step=step))
    deaths = 0
    while Job.objects.filter(state__in=core_jobs.UNFINISHED):
        Job.objects.update(leased_until=None)
        try:
            do_work()
        except SystemExit:
            deaths += 1
    killed, undisturbed = done(killed), done(undisturbed)
    assert deaths == 4
    assert (killed.matched, killed.rows) == (undisturbed.matched, undisturbed.rows) == (10, 9)
    assert len(all_phones(killed, layout)) == 9
    assert ExportedPerson.objects.filter(export=killed).count() == 10
    assert AuditEntry.objects.filter(action="segments.exported", details__export=killed.pk).count() == 1


# -- What stays -------------------------------------------------------------------------------------------------------


def test_what_is_done_is_changed_by_nothing(market: Market) -> None:
    market.people(2)
    export = market.export(market.segment())
    export.name = "Lain"
    for change in (export.save, export.delete, Export.objects.all().delete, lambda: Export.objects.update(rows=0)):
        with pytest.raises(SealedExport):
            change()
    export.refresh_from_db()
    assert (export.name, export.rows) == ("Grade A", 2)


def test_an_export_outlives_its_job_and_its_file(market: Market) -> None:
    market.people(2)
    segment = market.segment()
    export = market.export(segment)
    Job.objects.update(finished_at=timezone.now() - core_jobs.KEPT - timedelta(days=1))
    core_jobs.forget_old()
    export = Export.objects.get()
    assert (export.job, export.state, jobs.export_link(export)) == (None, Job.State.DONE, "")
    assert market.export(segment, only_new=True).rows == 0
    assert [found.pk for found in snapshots.exports_of(Contact.objects.order_by("pk")[0], limit=9)] == [export.pk]


def test_two_exports_differ_by_who_came_and_who_went(market: Market) -> None:
    people = market.people(5)
    segment = market.segment()
    earlier = market.export(segment)
    market.story.take_off(people[0], "Grade A")
    opt_out(people[1])
    fresh = market.people(3)
    join(people[2].pk, people[3].pk)
    difference = snapshots.SnapshotDifference(earlier, market.export(segment))
    assert difference.counts() == (3, 2)
    assert difference.people(added=True, after=0, limit=9) == [contact.pk for contact in fresh]
    assert difference.people(added=False, after=people[0].pk, limit=9) == [people[1].pk]


def test_exports_are_seen_by_whose_they_are_and_by_owners(market: Market) -> None:
    market.people(1)
    export = market.export(market.segment())
    other = UserFactory(role="marketing")
    owner = UserFactory(role="owner")
    seen = [set(Export.objects.visible_to(viewer_of(user))) for user in (market.user, other, owner)]
    assert seen == [{export}, set(), {export}]


# -- Files for what people paste into ---------------------------------------------------------------------------------

HOSTILE = ["=1+1", "+62811", "-1", "@x", "\tx", "＝1", "dua\nbaris", "Dewi 🌸 ŠĐ", 'O\'Neil; "Bob"']


def test_a_workbook_holds_text_only_and_every_name_whole(market: Market) -> None:
    for contact, name in zip(market.people(len(HOSTILE)), HOSTILE, strict=True):
        Contact.objects.filter(pk=contact.pk).update(name=name)
    export = market.export(market.segment(), layout=exports.XLSX)
    sheet: Any = load_workbook(io.BytesIO(made(export))).active
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[0] for row in rows] == [phone.removeprefix("+") for phone in phones_in_order()]
    assert [row[1].removeprefix("'") for row in rows] == HOSTILE
    assert sheet.freeze_panes == "A2"


def phones_in_order() -> list[str]:
    return list(Contact.objects.order_by("pk").values_list("phone", flat=True))


@pytest.mark.parametrize(
    ("name", "called"),
    [("Kaos, panas 🌸 14 hari", "kaos-panas-14-hari-20"), ("🌸", "segments-20"), ("a" * 99, "a" * 60)],
)
def test_a_file_is_called_like_its_segment(market: Market, name: str, called: str) -> None:
    market.people(1)
    segment = market.segment()
    Segment.objects.update(name=name)
    segment.refresh_from_db()
    answer: Any = Client().get(jobs.export_link(market.export(segment)))
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{called}')


def test_what_is_pasted_into_elsewhere_has_its_headings(market: Market) -> None:
    [contact] = market.people(1)
    market.story.put_on(contact, "Prospek panas")
    segment = market.segment()
    phone = contact.phone.removeprefix("+")
    assert lines(market.export(segment, layout="whatsapp")) == [{"phone": phone, "name": "Budi 0"}]
    assert lines(market.export(segment, layout="google")) == [
        {
            "First Name": "Budi 0",
            "Labels": "Grade A ::: Prospek panas",
            "Phone 1 - Label": "Mobile",
            "Phone 1 - Value": f"+{phone}",
        }
    ]
    hashed = [hashlib.sha256(text.encode()).hexdigest() for text in (phone, "budi")]
    assert lines(market.export(segment, layout="meta")) == [{"phone": hashed[0], "fn": hashed[1]}]
    excel = made(market.export(segment, layout="excel_id"))
    assert excel.startswith(b"\xef\xbb\xbfphone;name;labels\r\n")
    assert f"\r\n{phone};Budi 0;".encode() in excel


@pytest.mark.parametrize(
    ("name", "first"),
    [("Budi Santoso", "budi"), ("Bu Siti 🌸", "bu"), ("D'Arc", "darc"), ("🌸", ""), ("", ""), ("🔥 ÉLISE", "élise")],
)
def test_a_first_name_is_normalised_before_it_is_hashed(name: str, first: str) -> None:
    assert first_name(name) == first
