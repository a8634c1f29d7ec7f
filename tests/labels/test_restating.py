"""What changes for many contacts at once is work of its own: names, steps, and the team of a number."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Channel, Contact
from labelcrm.core.models import Job
from labels import jobs
from labels.models import ChannelScope, CleanSpell, LabelAssignment, LabelDay, StageStay
from labels.rules.scopes import of_team
from labels.services import canonical, projections, wording
from labels.services.rebuilding import rebuild
from tests.factories import ChannelFactory, TeamFactory
from tests.labels.test_projections import PersonFactory, assert_in_step, channel_label, label, put_on, stored
from tests.webhooks.telling import label as labelled
from tests.webhooks.telling import person, saved, tell
from tests.work import do_work

pytestmark = pytest.mark.django_db

BUDI, SITI, ANI = "+6281290001111", "+6281290002222", "+6281290003333"


def refresh_all() -> None:
    projections.refresh(list(Contact.objects.values_list("pk", flat=True)))


# -- Names ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> Channel:
    """A number whose label "7" two contacts have; more than one counts as many."""
    monkeypatch.setattr(wording, "MANY", 1)
    channel = ChannelFactory(key="cs1")
    tell(channel, saved("7", "Prospek", 0), labelled(person(BUDI), "7", 1), labelled(person(SITI), "7", 2))
    do_work()
    return channel


def names() -> set[str]:
    return set(LabelAssignment.objects.values_list("channel_label_name", flat=True))


def test_a_label_on_many_contacts_is_renamed_by_a_job(renamed: Channel) -> None:
    tell(renamed, saved("7", "Hot", 3))
    assert names() == {"Prospek"}
    do_work()
    assert names() == {"Hot"}
    assert Job.objects.latest("id").result == {"contacts": 2}
    assert rebuild(write=False) == 0


def test_who_gets_a_renamed_label_meanwhile_has_its_new_name(renamed: Channel) -> None:
    tell(renamed, saved("7", "Hot", 3), labelled(person(ANI), "7", 4))
    assert names() == {"Prospek", "Hot"}
    do_work()
    assert names() == {"Hot"}
    assert rebuild(write=False) == 0


def test_a_label_on_few_contacts_is_renamed_at_once() -> None:
    channel = ChannelFactory(key="cs1")
    tell(channel, saved("7", "Prospek", 0), labelled(person(BUDI), "7", 1))
    tell(channel, saved("7", "Hot", 3))
    assert names() == {"Hot"}
    assert not Job.objects.exists()


# -- Steps ------------------------------------------------------------------------------------------------------------


def test_a_new_step_restates_the_stages_by_a_job() -> None:
    hot = channel_label(label("Hot prospect"))
    put_on(PersonFactory(), hot, 0)
    refresh_all()
    before = StageStay.objects.get().step
    canonical.update_label(hot.label, actor=None, origin="admin", step=before + 40)
    assert StageStay.objects.get().step == before
    do_work()
    assert StageStay.objects.get().step == before + 40
    assert_in_step()


def test_a_new_exclusive_group_marks_returns_by_a_job() -> None:
    person = PersonFactory()
    urgent, after_sales = channel_label(label("Urgent")), channel_label(label("After sales"))
    put_on(person, urgent, 0)
    put_on(person, after_sales, 600, 3600)
    refresh_all()
    for one in (urgent, after_sales):
        canonical.update_label(one.label, actor=None, origin="admin", exclusive_group="care")
    assert not CleanSpell.objects.filter(return_to__isnull=False).exists()
    do_work()
    assert CleanSpell.objects.get(return_to__isnull=False).return_to == urgent.label
    assert_in_step()


# -- Teams ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared() -> dict[str, Any]:
    """Somebody on two numbers of one team, and somebody on the first of them alone."""
    team, other = TeamFactory(), TeamFactory()
    first, second = ChannelFactory(team=team), ChannelFactory(team=team)
    hot, cold = channel_label(label("Hot prospect"), first), channel_label(label("Cold prospect"), second)
    both, one = PersonFactory(), PersonFactory()
    put_on(both, hot, 0, 600)
    put_on(both, cold, 300, 900)
    put_on(one, hot, 0)
    refresh_all()
    return {"team": team, "other": other, "first": first, "second": second}


def test_a_number_that_joins_another_team_is_counted_there(shared: dict[str, Any]) -> None:
    assert jobs.follow_teams() == 2, "these numbers have labels that nobody has counted in a team yet"
    do_work()
    shared["second"].team = shared["other"]
    shared["second"].save()
    assert_in_step()  # until the job is done, everything still follows from the team before

    assert jobs.follow_teams() == 1
    assert jobs.follow_teams() == 0, "one is under way"
    do_work()
    assert ChannelScope.objects.get(channel=shared["second"]).team == shared["other"]
    assert_in_step()
    assert [row[1] for row in stored(of_team(shared["other"].pk))["spells"]] == [label("Cold prospect").pk]
    assert jobs.follow_teams() == 0
    assert projections.refresh_all(write=False).differences == 0


def test_a_new_number_is_counted_in_its_team_without_a_job() -> None:
    channel = ChannelFactory(team=TeamFactory())
    assert jobs.follow_teams() == 0
    assert ChannelScope.objects.get(channel=channel).team == channel.team


def test_the_sums_of_a_team_follow(shared: dict[str, Any]) -> None:
    jobs.follow_teams()
    do_work()
    shared["first"].team = None
    shared["first"].save()
    jobs.follow_teams()
    do_work()
    sums = LabelDay.objects.filter(scope=of_team(shared["team"].pk), label=label("Hot prospect"))
    assert sum(day.added for day in sums) == 0
