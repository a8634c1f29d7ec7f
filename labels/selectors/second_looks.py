"""What is there for a second look: the grades a reviewer may judge, which comes next, and what may be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import Count, Q, QuerySet

from contacts.models import Agent
from contacts.models.channels import CRM_GATEWAY
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, Label, LookSample, SampledGrade, SecondLook
from labels.models.querysets import GRADING

STRIDE = 7  # by so many places the next reviewer begins later, so that two at work seldom meet


@dataclass(frozen=True)
class LookQueue:
    """A sample as one reviewer sees it: `looked` of `grades` are done, by whomever."""

    sample: LookSample
    agent: Agent
    week: date
    grades: int
    looked: int

    @cached_property
    def left(self) -> int:
        return self.grades - self.looked


def reviewable(viewer: Viewer) -> QuerySet[SampledGrade]:
    """Grades that a viewer may judge: of living CS, on numbers the viewer sees, and none of their own."""
    grades = SampledGrade.objects.visible_to(viewer).counted().filter(sample__agent__deleted_at__isnull=True)
    return grades.exclude(sample__agent__user_id=viewer.user)


def queues(viewer: Viewer, *, most: int) -> list[LookQueue]:
    """Samples with something left to look at, the newest week first. Two queries."""
    counted = (
        reviewable(viewer)
        .order_by()
        .values("sample")
        .annotate(grades=Count("id"), looked=Count("look"))
        .filter(looked__lt=Count("id"))
        .order_by("-sample__week", "sample__agent__name", "sample")[:most]
    )
    found = {row["sample"]: row for row in counted}
    samples = LookSample.objects.select_related("agent").in_bulk(list(found))
    return [
        LookQueue(samples[pk], samples[pk].agent, samples[pk].week, row["grades"], row["looked"])
        for pk, row in found.items()
    ]


def queue_of(sample: LookSample, viewer: Viewer) -> LookQueue:
    """The same of one sample, finished or not."""
    counted = reviewable(viewer).filter(sample=sample).aggregate(grades=Count("id"), looked=Count("look"))
    return LookQueue(sample, sample.agent, sample.week, counted["grades"], counted["looked"])


def waits_for_others(viewer: Viewer) -> bool:
    """Whether grades of the viewer's own wait, which somebody else must look at."""
    grades = SampledGrade.objects.visible_to(viewer).counted()
    return grades.filter(sample__agent__user_id=viewer.user, look__isnull=True).exists()


def next_grade(sample: LookSample, viewer: Viewer) -> SampledGrade | None:
    """The next one to look at; each reviewer begins at another place of the sample."""
    left = reviewable(viewer).filter(sample=sample, look__isnull=True).select_related("channel", "contact")
    start = viewer.user * STRIDE % max(1, sample.wanted)
    return left.filter(place__gt=start).order_by("place").first() or left.order_by("place").first()


def last_look(sample: LookSample, viewer: Viewer) -> SecondLook | None:
    """What the viewer chose last in a sample: what undoing takes back."""
    looks = SecondLook.objects.filter(grade__sample=sample, reviewer_id=viewer.user)
    return looks.select_related("label", "grade__label", "grade__contact").order_by("-at", "-id").first()


def choices(grade: SampledGrade) -> list[Label]:
    """The grading labels to choose from: those that the number has, and all of them where it has less than two.

    They are the same for every chat of a CS's sample on a number, whatever its grade, so they give none away: a label
    that the number lost since is among them where any chat of the sample has it.
    """
    others = SampledGrade.objects.filter(sample=grade.sample_id, channel=grade.channel_id).values("label")
    of_number = ChannelLabel.objects.filter(
        channel=grade.channel_id, deleted_at__isnull=True, hidden=False, ignored=False
    )
    known = Q(id__in=of_number.values("label"), deleted_at__isnull=True) & GRADING
    found = [] if grade.channel.gateway == CRM_GATEWAY else _ordered(known | Q(id__in=others))
    return found if len(found) > 1 else _ordered(GRADING & Q(deleted_at__isnull=True) | Q(id__in=others))


def _ordered(condition: Q) -> list[Label]:
    """High quality first, then the others as lists have them."""
    return list(
        Label.all_objects.filter(condition).order_by("-high_quality", "low_quality", "step", "exclusive_group", "name")
    )
