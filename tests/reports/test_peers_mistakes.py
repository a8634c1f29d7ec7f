"""Mistakes that systems like this one make with labels, each as a fact that holds here.

Some are tested where the thing itself is: that the Indonesian is complete (tests/desk/test_translations.py), that a
segment may be private, the team's or everyone's (tests/api/test_segments.py), and that a row of an export says its
labels, by whom and since when (tests/transfer/test_exports.py).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import models
from django.utils import timezone

from contacts.models import Agent, Contact
from labelcrm.core.viewer import Viewer
from labels.models import CleanSpell, Label, LabelAssignment, LabelEvent, LabelSpell, StaleFlag
from labels.selectors.label_use import NEVER, with_use
from labels.services.staleness import flag_stale
from reports.models import Segment
from reports.query import parse_query
from reports.registry import REPORTS
from tests.desk.reports.test_pages import client_of
from tests.reports.test_figures import BUDI, SITI, TONO, rina, write
from tests.reports.world import World, day
from tests.transfer.test_exports import export, lines
from tests.webhooks.generic import Bridge
from transfer.exports import COLUMNS

__all__ = ["rina"]
pytestmark = pytest.mark.django_db

FEBRUARY = {"from": day(0).isoformat(), "to": day(30).isoformat()}
EVERYTHING = Viewer(everything=True)


def rows_of(report: str, **more: str) -> list[Any]:
    return parse_query(REPORTS[report], FEBRUARY | more, viewer=EVERYTHING).rows


def row_of(report: str, **named: Any) -> Any:
    [row] = [row for row in rows_of(report) if all(getattr(row, name) == value for name, value in named.items())]
    return row


# -- Labels by the time at which they were put on ---------------------------------------------------------------------


def test_a_label_taken_off_today_changes_no_row_of_last_month(rina: Bridge) -> None:
    """Others count the labels that are on now among the contacts of a period: what comes off changes the past."""
    for chat in (BUDI, SITI):
        write(rina, chat, day(1))
        rina.label("added", "1", chat, at=day(2))
    rina.drain()
    before = {report: rows_of(report) for report in ("labels", "movement", "funnel", "moves", "campaigns")}
    assert next(row.added for row in before["labels"] if row.name == "Grade A") == 2
    rina.label("removed", "1", BUDI, at=day(45))
    rina.drain()
    assert {report: rows_of(report) for report in before} == before


def test_a_row_of_label_activity_counts_one_population(rina: Bridge) -> None:
    """What was there, came and went is what is there afterwards, also where contacts came long before or after."""
    write(rina, BUDI, day(-40))
    rina.label("added", "1", BUDI, at=day(-3))
    rina.label("removed", "1", BUDI, at=day(4))
    rina.label("added", "1", SITI, at=day(5))
    rina.label("added", "1", TONO, at=day(31))
    rina.drain()
    row = row_of("labels", name="Grade A")
    assert (row.active_from, row.added, row.removed, row.net, row.active_to) == (1, 1, 1, 0, 1)


# -- Who and when -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "people", "times"),
    [
        (LabelEvent, {"actor_agent", "actor_user"}, {"occurred_at", "received_at"}),
        (LabelAssignment, {"added_by", "added_by_user", "removed_by", "removed_by_user"}, {"added_at", "removed_at"}),
        (LabelSpell, {"agent", "user", "removed_by"}, {"started_at", "ended_at"}),
        (CleanSpell, {"agent", "user", "removed_by"}, {"started_at", "ended_at"}),
        (StaleFlag, {"owner", "closed_by"}, {"spell_started_at", "flagged_at", "closed_at"}),
    ],
)
def test_who_and_when_are_columns_that_point_at_rows(model: Any, people: set[str], times: set[str]) -> None:
    """Others write them into a sentence in the language of the day, which nothing can count."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    points_at = {name: field.related_model for name, field in fields.items() if isinstance(field, models.ForeignKey)}
    users = {Agent._meta.label, settings.AUTH_USER_MODEL}
    assert {name for name, other in points_at.items() if other._meta.label in users} == people  # type: ignore[union-attr]
    assert points_at["contact"] is Contact
    assert {name for name in times if isinstance(fields[name], models.DateTimeField)} == times


# -- Funnel -----------------------------------------------------------------------------------------------------------


def test_who_comes_back_to_a_step_reached_it_once(rina: Bridge) -> None:
    """Others count rows of a log: two visits to a stage are two contacts."""
    write(rina, BUDI, day(1))
    for at in (2, 4, 6):
        rina.label("added", "1", BUDI, at=day(at))
        rina.label("removed", "1", BUDI, at=day(at + 1))
    rina.drain()
    step = row_of("funnel", step=Label.objects.get(name="Grade A").step)
    assert (step.contacts, step.reached, step.went_through) == (1, 1, 1)
    assert row_of("labels", name="Grade A").added == 3, "each time is an event all the same"


def test_who_was_lost_stays_in_the_steps_before(rina: Bridge) -> None:
    """Others drop who is lost now, and see survivors alone."""
    for chat, way in ((BUDI, "123"), (SITI, "1"), (TONO, "12")):
        write(rina, chat, day(1))
        for place, label in enumerate(way):
            rina.label("added", label, chat, at=day(2 + place))
            rina.label("removed", label, chat, at=day(2.5 + place))
    rina.drain()
    assert not LabelAssignment.objects.active().exists()
    reached = {row.step: (row.contacts, row.reached) for row in rows_of("funnel")}
    assert [reached[step] for step in sorted(reached)] == [(3, 3), (3, 3), (3, 1), (3, 1), (3, 0)]


def test_what_nobody_reached_is_shown_as_zero(rina: Bridge) -> None:
    """Others draw a funnel of invented numbers where there are none."""
    write(rina, BUDI, day(1))
    rina.label("added", "1", BUDI, at=day(2))
    rina.drain()
    assert [row.reached for row in rows_of("funnel")] == [1, 1, 0, 0, 0]
    client = client_of()
    page = client.get("/admin/reports/movement/", {"view": "funnel", "from": "2026-03-02", "to": "2026-04-01"})
    reached = re.findall(r'data-label="This step or further">(.*?)</td>', page.content.decode())
    assert [re.sub(r"<[^>]+>", "", cell) for cell in reached] == ["1", "1", "0", "0", "0"]
    drawn = page.context["picture"].rows["series"]
    assert [sum(values) for values in zip(*(part["values"] for part in drawn), strict=True)] == [1, 1, 0, 0, 0]


NAMES = ("label", "stage", "step", "weekday", "hour", "hour_of_week")  # of rows, and no figures


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_of_nothing_every_figure_is_zero_or_unknown(report: str) -> None:
    """A business without a contact."""
    said = [value for row in rows_of(report) for name, value in _figures(row) if name not in NAMES]
    assert not [value for value in said if value]


def _figures(row: Any) -> list[tuple[str, Any]]:
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    shares = [(f"{name}_n", value.n) for name, value in values.items() if hasattr(value, "n")]
    return shares + [(name, value) for name, value in values.items() if type(value) in (int, float)]


# -- Stale ------------------------------------------------------------------------------------------------------------


def test_a_label_put_on_yesterday_is_not_stale_however_old_the_contact(rina: Bridge) -> None:
    """Others count from the day on which the contact was made."""
    write(rina, BUDI, day(0))
    rina.label("added", "1", BUDI, at=day(1))
    rina.drain()
    flag_stale(day(20))
    assert StaleFlag.objects.filter(closed_at__isnull=True).count() == 1
    rina.label("removed", "1", BUDI, at=day(20.5))
    rina.label("added", "1", BUDI, at=day(21))
    rina.drain()
    flag_stale(day(22))
    assert not StaleFlag.objects.filter(closed_at__isnull=True).exists(), "the clock began anew"
    flag_stale(day(29))
    assert StaleFlag.objects.get(closed_at__isnull=True).clock_started_at == day(21)


# -- How much a label is used -----------------------------------------------------------------------------------------

USED = {
    "labels.LabelAssignment", "labels.LabelSpell", "labels.ScopedLabelSpell", "labels.CleanSpell",
    "labels.ScopedCleanSpell", "labels.StageStay", "labels.ScopedStageStay", "labels.LabelDay", "labels.StaleFlag",
    "labels.StaleSnooze", "labels.LearnedLimit", "transfer.Conversion",
}  # fmt: skip
"""What there only is of a label that somebody has or had."""
ON_A_NUMBER = {"labels.ChannelLabel"}
NO_USE = {
    "labels.LabelAlias",  # what it is called
    "labels.ChannelLabelMeaning",  # what labels of numbers meant once; the numbers themselves are counted
    "transfer.ConversionEvent_labels", "transfer.ConversionEvent",  # what is to be told of it, should it be put on
    "transfer.ConversionValue",
    "labels.SampledGrade", "labels.SecondLook",  # what a label that was put on was judged to be
    "labels.TeamLimit", "labels.ContradictionRule", "labels.ContradictionFlag",  # limits, and rules for who has it
    "labels.LabelMerge", "labels.RefusedName",  # what became of it, and what does not mean it
    "labels.HandedOverContact",  # how a contact stood when a CS left
    "labels.LabelWord", "labels.SuggestionDismissal", "labels.LabelTextModel",  # when it is suggested
}  # fmt: skip


def related() -> dict[str, Any]:
    """Every model that points at a label, with the name of the column."""
    relations = (field for field in Label._meta.get_fields(include_hidden=True) if field.auto_created)
    return {field.related_model._meta.label: field for field in relations if not field.concrete}  # type: ignore[union-attr]


def rows_that_name(label: Label, names: set[str]) -> set[str]:
    """Of these models those in which a row names the label."""
    models_ = {name: (field.related_model, field.field.name) for name, field in related().items() if name in names}
    return {name for name, (model, column) in models_.items() if model._base_manager.filter(**{column: label}).exists()}


def test_what_counts_as_use_is_said_of_every_relation_of_a_label() -> None:
    assert set(related()) == USED | ON_A_NUMBER | NO_USE


def test_a_label_that_is_named_anywhere_is_never_called_unused(rina: Bridge) -> None:
    """Others count in some tables, and call a label unused that has a history in another.

    On now, taken off long ago, found on a phone and gone again, stale, on a number and on nobody, nowhere.
    """
    rina.label("added", "1", BUDI, at=day(1))
    rina.label("added", "2", SITI, at=day(1))
    rina.label("removed", "2", SITI, at=day(2))
    other = Bridge(key="cs2", team="Grosir")
    other.save("1", "Komplain", at=day(-1))
    other.post("status", status="working", at=day(3))
    for n in range(10):  # so many at once after a pairing were there before
        other.label("added", "1", f"62812000001{n:02d}", at=day(3) + timedelta(seconds=n))
        other.label("removed", "1", f"62812000001{n:02d}", at=day(4))
    for bridge in (rina, other):
        bridge.drain()
    flag_stale(day(40))
    with time_machine.travel(day(90), tick=False):
        listed = {each.name: each for each in with_use(Label.objects.all(), EVERYTHING, today=timezone.localdate())}
    assert not LabelSpell.objects.filter(label__name="Komplain", found=False).exists()
    for name, label in listed.items():
        assert bool(rows_that_name(label, USED)) == (label.active > 0 or label.last_used != NEVER), name
        assert bool(rows_that_name(label, ON_A_NUMBER)) == (label.number_count > 0), name
    used = {name for name, label in listed.items() if label.last_used != NEVER}
    assert used == {"Grade A", "Prospek dingin", "Komplain"}
    assert {name: listed[name].active for name in used} == {"Grade A": 1, "Prospek dingin": 0, "Komplain": 0}


# -- Exports ----------------------------------------------------------------------------------------------------------


def test_a_file_can_say_which_labels_since_when_and_by_whom() -> None:
    assert {"labels", "labelled_at", "labelled_by", "assigned_to", "channels"} <= set(COLUMNS)


def test_a_file_has_as_many_people_as_the_filtered_list() -> None:
    """Others drop the filter on the way, and a broadcast goes to everybody."""
    world = World(5, contacts=10)
    world.play()
    for n in range(4):
        write(world.bridges[0], f"6281299999{n:02d}", day(50))
        if n % 2:
            world.bridges[0].label("added", "4", f"6281299999{n:02d}", at=day(51))
    world.bridges[0].drain()
    grade, done, cold = (Label.objects.get(name=name).pk for name in ("Grade A", "Selesai", "Prospek dingin"))
    rina = Agent.objects.get(code="rina")
    grades = {"any": [{"all": [{"field": "label", "op": "ever", "labels": [grade, done]}]}]}
    segment = Segment.objects.create(name="Grade A", definition=grades, shared="everyone")
    client, counts = client_of("marketing"), {}
    for query in (
        "", f"?label={grade}", f"?label={grade}&label={done}", f"?label_all={grade}&label_all={done}",
        f"?label_none={grade}", "?label=none", f"?label={cold}&cs={rina.pk}", f"?label={grade}&labelled_by={rina.pk}",
        f"?label={done}&label_age=30", f"?segment={segment.pk}",
        f"?label={grade}&q=62812",
    ):  # fmt: skip
        counts[query] = client.get(f"/admin/contacts/contact/count/{query}").json()["count"]
        listed = client.get(f"/admin/contacts/contact/{query}").context["cl"].result_list
        assert len(listed) == counts[query], query
        assert client.get(f"/admin/contacts/contact/export/{query}").context["counts"].matched == counts[query], query
        assert [int(line["id"]) for line in lines(export(client, query))] == sorted(one.pk for one in listed), query
    assert len(set(counts.values())) > 5, "filters that leave different people"
    assert {query: n for query, n in counts.items() if query and not 0 < n < counts[""]} == {}
