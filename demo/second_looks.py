"""Four weeks of second looks at the demo's grades, by its own chance: nothing else of the story changes.

The reviewer is who set the demo up. He tells buyers from others better than most of the CS do, so he often agrees with
Rina, seldom with Budi, who grades whom he likes, and finds buyers whom Sari gave up. Of the newest week some is left.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from contacts.models import Contact
from labelcrm.core.models import User
from labels.models import CleanSpell, Label, LookSample, SampledGrade
from labels.selectors.second_looks import choices
from labels.services import second_looks

WEEKS = 4
DONE_OF_NEWEST = (1.0, 0.35, 0.0)  # of the first, second and every later CS's sample of the newest week
CANNOT_TELL, SEES_BUYERS, BELIEVES_HIGH, KEEPS_OTHERS = 0.06, 0.85, 0.2, 0.88


def plant(until: datetime, *, seed: int) -> int:
    """Draw the samples of the weeks before `until`, and look at most of them; returns how many looks there are."""
    newest = second_looks.last_week(until)
    for n in range(WEEKS):
        second_looks.draw(newest - timedelta(weeks=n), actor=None, seed=seed)
    reviewer = User.objects.filter(is_superuser=True).order_by("pk").first()
    if reviewer is None:
        return 0
    samples = list(LookSample.objects.order_by("-week", "agent__name"))
    newest_ones = [sample.pk for sample in samples if sample.week == newest]
    return sum(_look_at(sample, _done(sample, newest_ones), reviewer, seed) for sample in samples)


def _done(sample: LookSample, newest: Sequence[int]) -> float:
    if sample.pk not in newest:
        return 1.0
    return DONE_OF_NEWEST[min(newest.index(sample.pk), len(DONE_OF_NEWEST) - 1)]


def _look_at(sample: LookSample, share: float, reviewer: Any, seed: int) -> int:
    grades = list(sample.grades.filter(look=None).select_related("channel", "label", "contact").order_by("place"))
    chosen = grades[: round(len(grades) * share)]
    for grade in chosen:
        draw = random.Random(f"{seed}/second look/{grade.contact.address}/{sample.week}")  # noqa: S311 - a story
        second_looks.choose(grade, label=_judged(draw, grade), reviewer=reviewer)
    return len(chosen)


def _judged(draw: random.Random, grade: SampledGrade) -> Label | None:
    """What the reviewer makes of a chat, who knows a buyer when he reads one."""
    high = [label for label in choices(grade) if label.high_quality]
    others = [label for label in choices(grade) if not label.high_quality]
    if draw.random() < CANNOT_TELL:
        return None
    if _bought(grade.contact):
        return high[0] if high and draw.random() < SEES_BUYERS else grade.label
    if grade.label.high_quality and draw.random() >= BELIEVES_HIGH and others:
        return draw.choice(others)
    if not grade.label.high_quality and draw.random() >= KEEPS_OTHERS:
        return draw.choice(choices(grade))
    return grade.label


def _bought(contact: Contact) -> bool:
    return CleanSpell.objects.filter(contact=contact, label__meaning="won").exists()
