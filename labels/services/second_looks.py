"""The blind second look (docs/metrics.md, "CS quality", Agreement): samples are drawn, and reviewers choose.

Every Monday a sample of what each CS graded in the week before is drawn. A reviewer sees the chat as it was at that
moment and not the grade, and chooses what he would have given. Nobody reviews grades of his own.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import Agent
from labelcrm.core.audit import record
from labelcrm.core.bulk import fetch
from labelcrm.core.models import JobRun
from labelcrm.core.scheduled import DAY_BEGINS
from labels.models import Label, LookSample, SampledGrade, SecondLook
from labels.models.querysets import GRADING
from labels.rules.sampling import drawn
from labels.selectors.second_looks import choices

TASK, JOB = "labels.draw_second_looks", "draw-second-looks"
WEEK = timedelta(days=7)
MOST_MISSED = 8  # weeks that are made up for after a long time without a scheduler


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many CS have a new sample, and how many grades are in those."""

    samples: int
    grades: int


class _Grade(NamedTuple):
    agent: int
    contact: int
    label: int
    channel: int
    method: str
    at: datetime


# -- Samples ----------------------------------------------------------------------------------------------------------


def last_week(now: datetime) -> date:
    """The Monday of the newest week that is over; a week ends at 02:00, so that what comes a little late is in it."""
    today = (now - DAY_BEGINS).astimezone(timezone.get_default_timezone()).date()
    return today - timedelta(days=today.weekday()) - WEEK


def due_weeks(now: datetime) -> list[date]:
    """The weeks (Mondays) to be drawn: the last one, and before it those since the newest that was, oldest first."""
    last = last_week(now)
    done = JobRun.objects.filter(job=JOB, ok=True).order_by("-period").values_list("period", flat=True).first()
    missed = (last - date.fromisoformat(done)) // WEEK if done else 1
    return [last - n * WEEK for n in reversed(range(min(missed, MOST_MISSED)))]


def draw(
    week: date,
    *,
    actor: Any,
    agents: Collection[int] | None = None,
    seed: int | None = None,
    now: datetime | None = None,
) -> Drawn:
    """Draw the samples of a week (its Monday), of these CS (ids) or of all living ones.

    Who has a sample of that week keeps it, and who graded nobody gets none, so this may be called again, and by several
    at once. `seed` is for tests and the demo; without it each sample gets one of its own.
    """
    living = set(Agent.objects.values_list("id", flat=True))
    graded = _graded(week, agents=living if agents is None else living & set(agents))
    sizes = []
    with transaction.atomic():
        for agent in sorted(graded):  # in one order: two that draw at once wait for each other
            size = _draw_one(agent, week, graded[agent], seed=seed, actor=actor, now=now or timezone.now())
            sizes += [size] if size else []
    return Drawn(len(sizes), sum(sizes))


def _draw_one(agent: int, week: date, graded: dict[int, _Grade], *, seed: int | None, actor: Any, now: datetime) -> int:
    """How many grades were drawn; 0 where there is a sample already."""
    values = {
        "seed": secrets.randbits(62) if seed is None else seed,
        "wanted": settings.SECOND_LOOK_SIZE,
        "graded": len(graded),
        "drawn_at": now,
        "drawn_by": actor,
    }
    sample, is_new = LookSample.objects.get_or_create(agent_id=agent, week=week, defaults=values)
    if not is_new:
        return 0
    chosen = [graded[contact] for contact in drawn(graded, seed=sample.seed, size=sample.wanted)]
    SampledGrade.objects.bulk_create(_rows(sample, chosen))
    record(
        actor=actor, action="looksample.drawn", obj=sample, agent=agent, week=week.isoformat(), grades=len(chosen),
        graded=len(graded), seed=sample.seed,
    )  # fmt: skip
    return len(chosen)


def _rows(sample: LookSample, chosen: Iterable[_Grade]) -> list[SampledGrade]:
    return [
        SampledGrade(
            sample=sample, place=place, contact_id=grade.contact, label_id=grade.label, channel_id=grade.channel,
            method=grade.method, graded_at=grade.at,
        )
        for place, grade in enumerate(chosen, start=1)
    ]  # fmt: skip


def _graded(week: date, *, agents: Collection[int]) -> dict[int, dict[int, _Grade]]:
    """By CS and contact, the last grading label that the CS put on the contact in the week."""
    labels = list(Label.all_objects.filter(GRADING).values_list("id", flat=True))
    values = {"labels": labels, "agents": list(agents), "start": _midnight(week), "end": _midnight(week + WEEK)}
    found: dict[int, dict[int, _Grade]] = {}
    for row in map(_Grade._make, fetch(_GRADED, values)):
        found.setdefault(row.agent, {})[row.contact] = row
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


# What a CS settled on: of several grades of one contact in the week the last.
_GRADED = """
    SELECT DISTINCT ON (s.agent_id, s.contact_id)
           s.agent_id, s.contact_id, s.label_id, s.channel_id, s.method, s.started_at
    FROM labels_cleanspell s
    JOIN contacts_contact c ON c.id = s.contact_id AND c.deleted_at IS NULL
    WHERE s.label_id = ANY(%(labels)s::bigint[]) AND NOT s.found AND s.agent_id = ANY(%(agents)s::bigint[])
      AND s.started_at >= %(start)s AND s.started_at < %(end)s
    ORDER BY s.agent_id, s.contact_id, s.started_at DESC, s.label_id
"""


# -- Looks ------------------------------------------------------------------------------------------------------------


def choose(grade: SampledGrade, *, label: Label | None, reviewer: Any) -> SecondLook:
    """The label that the reviewer would have given, None where the chat does not tell.

    Raises ValidationError for the reviewer's own grade (`own_grade`), a label that is not offered (`not_offered`), and
    where somebody has looked already (`looked_already`): the first look counts.
    """
    with transaction.atomic():
        grade = _locked(grade.pk)
        if grade.sample.agent.user_id == reviewer.pk:
            raise ValidationError(_("These are your own grades; somebody else looks at them."), code="own_grade")
        if SecondLook.objects.filter(grade=grade).exists():
            raise ValidationError(
                _("Somebody else has just looked at this chat; your choice was not kept."), code="looked_already"
            )
        if label is not None and label not in choices(grade):
            raise ValidationError(_("This label is not among those to choose from."), code="not_offered")
        look = SecondLook.objects.create(
            grade=grade, label=label, reviewer=reviewer, at=timezone.now(), blind=grade.shown_to_id != reviewer.pk
        )
        _write_down("secondlook.chosen", look, reviewer=reviewer)
    return look


def take_back(look: SecondLook, *, reviewer: Any) -> SampledGrade:
    """Undo the reviewer's last look of a sample; the chat is asked about again.

    The reviewer has seen the grade by now, so what he chooses next is kept and counted apart. Raises ValidationError
    where it is not his last (`not_last`), as when the button was pressed twice.
    """
    with transaction.atomic():
        grade = _locked(look.grade_id)
        last = SecondLook.objects.filter(grade__sample=grade.sample, reviewer=reviewer).order_by("-at", "-id").first()
        if last is None or last.pk != look.pk:
            raise ValidationError(_("Only your last choice can be taken back."), code="not_last")
        _write_down("secondlook.taken_back", last, reviewer=reviewer)
        last.delete()
        grade.shown_to = reviewer
        grade.save(update_fields=["shown_to"])
    return grade


def _locked(pk: int) -> SampledGrade:
    """One at a time decides about a grade."""
    rows = SampledGrade.objects.select_for_update(of=["self"]).select_related("sample__agent", "channel")
    found: SampledGrade = rows.get(pk=pk)
    return found


def _write_down(action: str, look: SecondLook, *, reviewer: Any) -> None:
    record(actor=reviewer, action=action, obj=look.grade.contact, grade=look.grade_id, label=look.label_id)
