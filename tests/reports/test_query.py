"""What cannot be meant is said as such, on a page and in the API."""

from __future__ import annotations

import pytest

from contacts.models import Agent, Channel, ChannelOwnership
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from reports.query import InvalidQuery, parse_query
from reports.registry import REPORTS
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("channel", "x" * 61, "max_length"),
        ("label", "x" * 201, "max_length"),
        ("team", "²", "invalid"),
        ("team", "9" * 25, "max_value"),
        ("period", "next_year", "invalid_choice"),
        ("from", "9999-12-31", "invalid"),
        ("certain", "yes", "invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(name: str, text: str, code: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_query(REPORTS["agents"], {name: text}, viewer=Viewer(everything=True))
    assert (refused.value.name, refused.value.code) == (name, code)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("by", "week", "invalid_choice"),
        ("category", "no-such", "unknown_value"),
        ("agent", "999999", "unknown_value"),
        ("campaign", "999999", "unknown_value"),
        ("label", "no-such", "unknown_value"),
    ],
)
def test_a_filter_of_label_activity_that_names_nothing_is_refused(name: str, text: str, code: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_query(REPORTS["labels"], {name: text}, viewer=Viewer(everything=True))
    assert (refused.value.name, refused.value.code) == (name, code)


def test_a_lead_filters_by_somebody_of_another_team_who_held_a_number_of_hers() -> None:
    team = TeamFactory(name="Sales")
    lead = viewer_of(UserFactory(role="cs_lead", teams=[team]))
    other = Agent.objects.create(code="tono", name="Tono", team=TeamFactory(name="Grosir"))
    with pytest.raises(InvalidQuery):
        parse_query(REPORTS["labels"], {"agent": str(other.pk)}, viewer=lead)
    channel = Channel.objects.create(key="cs1", gateway="generic", name="CS 1", team=team)
    ChannelOwnership.objects.create(channel=channel, agent=other)
    lead = viewer_of(type(UserFactory()).objects.get(teams=team))
    found = parse_query(REPORTS["labels"], {"agent": str(other.pk)}, viewer=lead)
    assert found.filters.agents == {other.pk}
