"""Samples for a second look, and what reviewers choose, sentence by sentence of `labels.services.second_looks`."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import AuditEntry, JobRun, User
from labels import tasks
from labels.models import ChannelLabel, CleanSpell, LookSample, SampledGrade, SecondLook
from labels.rules.sampling import drawn
from labels.selectors.second_looks import choices, next_grade, queues, reviewable, waits_for_others
from labels.services import merging, second_looks
from tests.desk.conftest import Shop, make_shop
from tests.factories import THEN, ChannelFactory, UserFactory
from tests.labels.looks import WEEK, grade, graded_week, label

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)  # 10:00 in Jakarta, after the week


@pytest.fixture
def lead(shop: Shop) -> User:
    user: User = UserFactory(role="cs_lead", teams=[shop.team])
    return user


def draw(week: date = WEEK, **options: Any) -> second_looks.Drawn:
    return second_looks.draw(week, actor=None, **options)


# -- Samples ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_grades_again(shop: Shop, settings: Any) -> None:
    settings.SECOND_LOOK_SIZE = 5
    people = [grade(shop, "Grade A", at=THEN + timedelta(minutes=n)) for n in range(30)]
    assert draw() == second_looks.Drawn(1, 5)
    sample = LookSample.objects.get()
    first = list(sample.grades.order_by("place").values_list("contact", flat=True))
    assert first == drawn([one.pk for one in people], seed=sample.seed, size=5)
    assert (sample.wanted, sample.graded) == (5, 30)
    sample.delete()
    draw(seed=sample.seed)
    again = list(LookSample.objects.get().grades.order_by("place").values_list("contact", flat=True))
    assert again == first
    LookSample.objects.all().delete()
    draw(seed=sample.seed + 1)
    assert set(LookSample.objects.get().grades.values_list("contact", flat=True)) != set(first)


def test_everybody_has_the_same_chance_of_being_drawn() -> None:
    """Of 40 people 10 are drawn, so each about 500 times of 2,000; 20 is one standard deviation."""
    times = dict.fromkeys(range(40), 0)
    for seed in range(2000):
        for one in drawn(times, seed=seed, size=10):
            times[one] += 1
    assert min(times.values()) >= 410
    assert max(times.values()) <= 590


def test_only_grades_of_the_week_that_somebody_gave_are_drawn(shop: Shop) -> None:
    monday, next_monday = THEN.replace(hour=0) - timedelta(hours=7), THEN.replace(hour=0) + timedelta(days=7, hours=-7)
    meant = {grade(shop, "Grade A", at=monday), grade(shop, "Prospek dingin", at=next_monday - timedelta(seconds=1))}
    grade(shop, "Grade A", at=next_monday)
    grade(shop, "Grade A", at=monday - timedelta(seconds=1))
    grade(shop, "Grade A", found=True)
    grade(shop, "Grade A", agent=None)
    grade(shop, "Menunggu pembayaran")
    archived = grade(shop, "Grade A")
    archived.deleted_at = THEN
    archived.save()
    draw()
    assert set(Contact.objects.filter(sampled_grades__isnull=False)) == meant


def test_of_several_grades_of_a_contact_the_last_of_the_week_is_drawn(shop: Shop) -> None:
    contact = grade(shop, "Grade C")
    grade(shop, "Grade B", at=THEN + timedelta(hours=5), contact=contact)
    draw()
    one = SampledGrade.objects.get()
    assert (one.label, one.graded_at) == (label("Grade B"), THEN + timedelta(hours=5))
    assert (one.channel, one.method) == (shop.channel, "channel_owner")


def test_every_cs_has_a_sample_of_her_own_and_keeps_it(shop: Shop, other_shop: Shop) -> None:
    grade(shop, "Grade A")
    assert draw() == second_looks.Drawn(1, 1)
    grade(shop, "Grade B")
    grade(other_shop, "Grade B")
    assert draw() == second_looks.Drawn(1, 1)
    assert [sample.grades.count() for sample in LookSample.objects.all()] == [1, 1]
    assert AuditEntry.objects.filter(action="looksample.drawn").count() == 2


def test_who_left_and_who_graded_nobody_has_no_sample(shop: Shop, other_shop: Shop) -> None:
    grade(shop, "Grade A")
    shop.agent.deleted_at = THEN
    shop.agent.save()
    assert draw() == second_looks.Drawn(0, 0)


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 3, 8, 18, 59, tzinfo=UTC), date(2026, 2, 23)),  # Monday 01:59: the week is not over yet
        (datetime(2026, 3, 8, 19, 0, tzinfo=UTC), WEEK),
        (datetime(2026, 3, 15, 18, 59, tzinfo=UTC), WEEK),
    ],
)
def test_a_week_is_over_on_monday_at_two_in_the_morning(now: datetime, week: date) -> None:
    assert second_looks.last_week(now) == week


def test_the_job_draws_once_a_week_and_makes_up_for_missed_weeks(shop: Shop) -> None:
    for weeks in range(4):
        grade(shop, "Grade A", at=THEN + timedelta(weeks=weeks))
    with time_machine.travel(MONDAY, tick=False) as clock:
        tasks.draw_second_looks()
        tasks.draw_second_looks()
        assert [sample.week for sample in LookSample.objects.all()] == [WEEK]
        clock.move_to(MONDAY + timedelta(weeks=3, days=2))
        tasks.draw_second_looks()
    weeks = sorted(LookSample.objects.values_list("week", flat=True))
    assert weeks == [WEEK + timedelta(weeks=n) for n in range(4)]
    runs = JobRun.objects.filter(job=second_looks.JOB).order_by("period")
    assert [(run.period, run.ok, run.result["grades"]) for run in runs] == [(str(week), True, 1) for week in weeks]


@pytest.mark.django_db(transaction=True)
def test_two_that_draw_at_once_draw_one_sample() -> None:
    shop = make_shop("Rina")
    for n in range(30):
        grade(shop, "Grade A", at=THEN + timedelta(minutes=n))
    start, found = threading.Barrier(2), []

    def work() -> None:
        start.wait()
        found.append(draw())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((each.samples, each.grades) for each in found) == [(0, 0), (1, 20)]
    assert LookSample.objects.get().grades.count() == 20


# -- Who may look at what ---------------------------------------------------------------------------------------------


def test_a_reviewer_is_shown_only_what_she_may_see(shop: Shop, other_shop: Shop, lead: User) -> None:
    graded_week(shop, "Grade A", "Grade B")
    graded_week(other_shop, "Grade A")
    assert [(queue.agent, queue.grades) for queue in queues(viewer_of(lead), most=9)] == [(shop.agent, 2)]
    owner = UserFactory(role="owner")
    assert {queue.agent for queue in queues(viewer_of(owner), most=9)} == {shop.agent, other_shop.agent}


def test_nobody_looks_at_grades_of_her_own(shop: Shop, lead: User) -> None:
    [one] = graded_week(shop, "Grade A")
    shop.agent.user = lead
    shop.agent.save()
    viewer = viewer_of(User.objects.get(pk=lead.pk))
    assert not reviewable(viewer).exists()
    assert waits_for_others(viewer)
    with pytest.raises(ValidationError) as refused:
        second_looks.choose(one, label=label("Grade A"), reviewer=lead)
    assert refused.value.code == "own_grade"


def test_archived_contacts_and_cs_are_not_asked_about(shop: Shop, lead: User) -> None:
    one, other = graded_week(shop, "Grade A", "Grade B")
    one.contact.deleted_at = THEN
    one.contact.save()
    assert list(reviewable(viewer_of(lead))) == [other]
    shop.agent.deleted_at = THEN
    shop.agent.save()
    assert not reviewable(viewer_of(lead)).exists()


def test_reviewers_begin_at_other_places_and_get_through_all(shop: Shop, lead: User) -> None:
    graded_week(shop, *["Grade A"] * 12)
    sample, others = LookSample.objects.get(), UserFactory.create_batch(9, role="owner")
    assert len({next_grade(sample, viewer_of(user)) for user in (lead, *others)}) > 1
    seen = set()
    while one := next_grade(sample, viewer_of(lead)):
        second_looks.choose(one, label=None, reviewer=lead)
        seen.add(one.pk)
    assert len(seen) == 12
    assert queues(viewer_of(lead), most=9) == []


# -- What may be chosen -----------------------------------------------------------------------------------------------


def test_the_grading_labels_of_the_number_are_offered(shop: Shop, lead: User) -> None:
    shop.whatsapp_label("Selesai")
    shop.whatsapp_label("HOT", label="Prospek panas", deleted_at=THEN)
    [one] = graded_week(shop, "Grade B")
    assert [str(each) for each in choices(one)] == ["Grade A", "Grade B", "Grade C"]
    with pytest.raises(ValidationError) as refused:
        second_looks.choose(one, label=label("Prospek panas"), reviewer=lead)
    assert refused.value.code == "not_offered"


def test_a_label_that_the_number_lost_is_offered_for_every_chat(shop: Shop) -> None:
    """Where it were offered for its own chats only, it would give them away."""
    one, other = graded_week(shop, "Grade A", "Grade C")
    ChannelLabel.objects.filter(name="Grade C").update(deleted_at=THEN)
    assert [str(each) for each in choices(one)] == [str(each) for each in choices(other)]
    assert label("Grade C") in choices(one)


def test_where_the_number_has_no_grading_labels_all_are_offered(shop: Shop) -> None:
    grade(shop, "Grade A")
    draw()
    assert len(choices(SampledGrade.objects.get())) == 5


# -- Looks ------------------------------------------------------------------------------------------------------------


def test_a_look_is_kept_with_who_and_in_the_audit_trail(shop: Shop, lead: User) -> None:
    one, other = graded_week(shop, "Grade A", "Grade B")
    look = second_looks.choose(one, label=one.label, reviewer=lead)
    assert (look.agrees, look.blind, look.reviewer) == (True, True, lead)
    unsure = second_looks.choose(other, label=None, reviewer=lead)
    assert not unsure.agrees
    entry = AuditEntry.objects.filter(action="secondlook.chosen").earliest("id")
    assert (entry.actor, entry.object_id) == (lead, one.contact_id)
    assert entry.details == {"grade": one.pk, "label": one.label_id}


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_of_one_chat_the_first_counts() -> None:
    shop = make_shop("Rina")
    [one] = graded_week(shop, "Grade A")
    start, said = threading.Barrier(2), []

    def look(reviewer: User, name: str) -> None:
        start.wait()
        try:
            said.append(str(second_looks.choose(one, label=label(name), reviewer=reviewer).label))
        except ValidationError as error:
            said.append(str(error.code))
        connection.close()

    pairs = [(UserFactory(role="owner"), name) for name in ("Grade A", "Grade B")]
    threads = [threading.Thread(target=look, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept, refused = sorted(said)
    assert refused == "looked_already"
    assert str(SecondLook.objects.get().label) == kept


def test_the_last_look_is_taken_back_and_what_follows_is_not_blind(shop: Shop, lead: User) -> None:
    one, other = graded_week(shop, "Grade A", "Grade B")
    first = second_looks.choose(one, label=label("Grade C"), reviewer=lead)
    last = second_looks.choose(other, label=label("Grade C"), reviewer=lead)
    with pytest.raises(ValidationError):
        second_looks.take_back(first, reviewer=lead)
    with pytest.raises(ValidationError):
        second_looks.take_back(last, reviewer=UserFactory(role="owner"))
    second_looks.take_back(last, reviewer=lead)
    with pytest.raises(ValidationError):
        second_looks.take_back(last, reviewer=lead)  # pressed twice
    assert list(SecondLook.objects.all()) == [first]
    again = second_looks.choose(other, label=label("Grade B"), reviewer=lead)
    assert not again.blind
    actions = AuditEntry.objects.filter(action__startswith="secondlook.").order_by("id")
    assert [entry.action for entry in actions][2:] == ["secondlook.taken_back", "secondlook.chosen"]


def test_somebody_else_still_looks_blind_at_what_was_taken_back(shop: Shop, lead: User) -> None:
    [one] = graded_week(shop, "Grade A")
    second_looks.take_back(second_looks.choose(one, label=None, reviewer=lead), reviewer=lead)
    assert second_looks.choose(one, label=None, reviewer=UserFactory(role="owner")).blind


def test_merged_contacts_keep_both_looks_and_get_them_back(shop: Shop, lead: User) -> None:
    one, other = graded_week(shop, "Grade A", "Grade B")
    looks = [second_looks.choose(each, label=label("Grade A"), reviewer=lead) for each in (one, other)]
    record = merging.merge(survivor_id=one.contact_id, merged_id=other.contact_id, reason="by_hand", actor=lead)
    assert {grade.contact_id for grade in SampledGrade.objects.all()} == {one.contact_id}
    assert list(SecondLook.objects.order_by("id")) == looks
    merging.unmerge(record=record, actor=lead)
    assert SampledGrade.objects.get(pk=other.pk).contact_id == other.contact_id


def test_erasing_a_contact_takes_its_grades_and_looks_along(shop: Shop, lead: User) -> None:
    one, other = graded_week(shop, "Grade A", "Grade B")
    second_looks.choose(one, label=None, reviewer=lead)
    one.contact.delete()
    assert list(SampledGrade.objects.all()) == [other]
    assert not SecondLook.objects.exists()


def test_a_grade_that_exists_only_here_is_shown_to_who_sees_the_contact(
    shop: Shop, other_shop: Shop, lead: User
) -> None:
    crm = ChannelFactory(key="crm", gateway="crm", team=None)
    CleanSpell.objects.create(
        contact=shop.contact(), label=label("Grade A"), channel=crm, agent=shop.agent, method="crm_user",
        started_at=THEN, found=False,
    )  # fmt: skip
    draw()
    one = SampledGrade.objects.get()
    assert list(reviewable(viewer_of(lead))) == [one]
    assert not reviewable(viewer_of(UserFactory(role="cs_lead", teams=[other_shop.team]))).exists()
    assert len(choices(one)) == 5
