"""Learned limits, sentence by sentence of docs/metrics.md, "Stale and contradictions"."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from contacts.models import Contact
from labelcrm.core.models import AuditEntry, JobRun
from labels import tasks
from labels.models import Label, LearnedLimit, StageStay
from labels.services import learned_limits
from tests.factories import ContactFactory, UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)


def label(name: str) -> Label:
    return Label.objects.get(name_en=name)


def stay(contact: Contact, of: Label, *, start: datetime, days: float | None, **fields: Any) -> None:
    ended = None if days is None else start + timedelta(days=days)
    assert of.step is not None
    StageStay.objects.create(contact=contact, label=of, step=of.step, started_at=start, ended_at=ended, **fields)


def moved(of: Label, to: Label, *, days: float, ago: float = 30, **fields: Any) -> Contact:
    """A contact who stayed `days`, until `ago` days ago, and then went on."""
    contact, start = ContactFactory(), NOW - timedelta(days=ago + days)
    stay(contact, of, start=start, days=days, **fields)
    stay(contact, to, start=start + timedelta(days=days), days=None)
    return contact


@pytest.fixture(autouse=True)
def _five_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_limits, "ENOUGH", 5)


def learned(of: Label) -> LearnedLimit | None:
    learned_limits.learn(NOW)
    return LearnedLimit.objects.filter(label=of).first()


def test_it_is_the_80th_percentile_of_stays_that_ended_in_a_higher_step() -> None:
    hot, done = label("Hot prospect"), label("Done")
    for days in (1, 2, 3, 4, 10):
        moved(hot, done, days=days)
    found = learned(hot)
    assert found is not None
    assert (found.stays, found.p80, found.days) == (5, timedelta(days=5.2), 6)


def test_of_fewer_stays_than_enough_nothing_is_said_and_what_was_said_goes() -> None:
    hot, done = label("Hot prospect"), label("Done")
    contacts = [moved(hot, done, days=2) for _ in range(5)]
    assert learned(hot) is not None
    contacts[0].deleted_at = NOW
    contacts[0].save()
    assert learned(hot) is None


@pytest.mark.parametrize(
    ("to", "fields"),
    [
        ("Cold prospect", {}),  # sideways
        ("New inquiry", {}),  # back
        ("Done", {"start_by_repair": True}),  # nobody knows since when
        ("Done", {"ago": 366}),
    ],
)
def test_other_stays_teach_nothing(to: str, fields: dict[str, Any]) -> None:
    hot = label("Hot prospect")
    for _ in range(6):
        moved(hot, label(to), days=2, **fields)
    assert learned(hot) is None


@pytest.mark.parametrize(("p80", "days"), [(timedelta(hours=3), 1), (timedelta(days=2), 2), (timedelta(days=2.01), 3)])
def test_a_limit_is_whole_days_and_not_shorter_than_what_was_learned(p80: timedelta, days: int) -> None:
    assert LearnedLimit(p80=p80).days == days


def test_using_a_learned_limit_is_a_change_of_the_label_like_any_other() -> None:
    hot, user = label("Hot prospect"), UserFactory()
    with pytest.raises(ValidationError):
        learned_limits.use(hot, actor=user, origin="test")
    LearnedLimit.objects.create(label=hot, stays=60, p80=timedelta(days=11, hours=1), computed_at=NOW)
    assert learned_limits.use(hot, actor=user, origin="test").stale_after_days == 12
    assert AuditEntry.objects.get(action="label.changed").details["changes"] == {"stale_after_days": [7, 12]}


def test_the_job_learns_once_a_day() -> None:
    tasks.learn_limits()
    tasks.learn_limits()
    assert JobRun.objects.filter(job="learn-limits").count() == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_learned_limits_equal_a_slow_computation(seed: int) -> None:
    chance = random.Random(seed)
    labels = [label(name) for name in ("New inquiry", "Hot prospect", "Waiting payment", "Done")]
    for _ in range(100):
        contact, at = ContactFactory(), NOW - timedelta(days=chance.uniform(0, 420))
        for _ in range(chance.randint(1, 4)):
            days = chance.choice([None, *[chance.uniform(0, 40)] * 4])
            stay(contact, chance.choice(labels), start=at, days=days, start_by_repair=chance.random() < 0.2)
            if days is None:
                break
            at += timedelta(days=days) + timedelta(days=1) * (chance.random() < 0.2)
    learned_limits.learn(NOW)
    wanted = slow()
    assert {row.label_id: row.stays for row in LearnedLimit.objects.all()} == {pk: len(d) for pk, d in wanted.items()}
    assert wanted
    for row in LearnedLimit.objects.all():
        assert row.p80.total_seconds() == pytest.approx(_p80(wanted[row.label_id]), abs=0.01)


def slow() -> dict[int, list[float]]:
    """Of each label the seconds of the stays that count, where there are enough."""
    found: dict[int, list[float]] = defaultdict(list)
    stays = list(StageStay.objects.all())
    for one in stays:
        if one.ended_at is None or one.start_by_repair or not NOW - timedelta(days=365) <= one.ended_at < NOW:
            continue
        after = [s for s in stays if s.contact_id == one.contact_id and s.started_at == one.ended_at]
        if any(s.step > one.step for s in after):
            found[one.label_id].append((one.ended_at - one.started_at).total_seconds())
    return {pk: sorted(seconds) for pk, seconds in found.items() if len(seconds) >= 5}


def _p80(seconds: list[float]) -> float:
    place = 0.8 * (len(seconds) - 1)
    low, high = seconds[math.floor(place)], seconds[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))
