"""How much each label is used, as its list says it: for everybody, and for who sees some numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from labels.models import Label
from labels.selectors.label_use import NEVER, with_use
from labels.services import day_sums, projections
from tests.factories import ChannelFactory, TeamFactory, UserFactory
from tests.labels.test_projections import PersonFactory, at, channel_label, label, put_on

pytestmark = pytest.mark.django_db
DAY = 86_400


def use(viewer: Any, name: str = "Hot prospect", *, days_later: int = 0) -> tuple[Any, ...]:
    today = timezone.localtime(at(0)).date() + timedelta(days=days_later)
    row = with_use(Label.objects.all(), viewer, today=today).get(pk=label(name).pk)
    return row.active, row.added, row.last_used, row.number_count


@pytest.fixture
def viewers() -> dict[str, Any]:
    """Two teams with a number each, the label on both; who sees all, one team, both, and none."""
    teams = [TeamFactory(), TeamFactory()]
    hot = [channel_label(label("Hot prospect"), ChannelFactory(team=team)) for team in teams]
    with time_machine.travel(at(50 * DAY), tick=False):
        put_on(PersonFactory(), hot[0], 0)
        put_on(PersonFactory(), hot[0], DAY, 2 * DAY)
        both = PersonFactory()
        put_on(both, hot[0], 0)
        put_on(both, hot[1], DAY)
        projections.refresh(list(Contact.objects.values_list("pk", flat=True)))
    return {
        "all": viewer_of(UserFactory(role="analyst")),
        "first": viewer_of(UserFactory(role="cs_lead", teams=teams[:1])),
        "second": viewer_of(UserFactory(role="cs_lead", teams=teams[1:])),
        "nobody": viewer_of(UserFactory(role="cs_lead")),
    }


def test_each_sees_how_much_a_label_is_used_on_their_numbers(viewers: dict[str, Any]) -> None:
    first, second = timezone.localtime(at(0)).date(), timezone.localtime(at(DAY)).date()
    assert use(viewers["all"], days_later=1) == (2, 3, second, 2)
    assert use(viewers["first"], days_later=1) == (2, 3, second, 1)
    assert use(viewers["second"], days_later=1) == (1, 1, second, 1)
    assert use(viewers["nobody"], days_later=1) == (0, 0, NEVER, 0)
    assert use(viewers["all"], "Urgent") == (0, 0, NEVER, 0)
    assert first < second


def test_what_was_added_thirty_days_ago_does_not_count_any_more(viewers: dict[str, Any]) -> None:
    assert use(viewers["all"], days_later=29)[1] == 3
    assert use(viewers["all"], days_later=30)[1] == 1
    assert use(viewers["all"], days_later=31)[1] == 0


def test_differences_and_their_sums_say_the_same(viewers: dict[str, Any]) -> None:
    before = use(viewers["all"], days_later=1)
    day_sums.compact()
    assert use(viewers["all"], days_later=1) == before
