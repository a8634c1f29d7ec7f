"""What a brief says: one's own for a CS, the team's for a lead; of a contact a name and four digits, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Agent, Contact, Team
from labelcrm.core.models import User
from tests.factories import AgentFactory, ChannelFactory, ContactFactory, TeamFactory, UserFactory
from tests.transfer.briefs.readers import MONDAY_7
from transfer.briefs.brief_text import BriefWords, brief_words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[None]:
    settings.PUBLIC_URL = "https://crm.example"
    with time_machine.travel(MONDAY_7, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    team: Team = TeamFactory()
    ChannelFactory(team=team)
    return team


def cs(team: Team, name: str) -> Agent:
    agent: Agent = AgentFactory(name=name, team=team, user=UserFactory(role="cs", first_name=name))
    return agent


def due(agent: Agent | None, *, name: str = "Budi", hours: int = 3, **values: Any) -> Contact:
    at = timezone.now() - timedelta(hours=hours)
    contact: Contact = ContactFactory(name=name, assigned_to=agent, follow_up_at=at, **values)
    return contact


def words(user: Any) -> BriefWords:
    return brief_words(User.objects.get(pk=user.pk), now=timezone.now())


def test_a_cs_reads_what_waits_for_her(team: Team) -> None:
    rina, sari = cs(team, "Rina"), cs(team, "Sari")
    due(rina, name="Budi", phone="+628123456789")
    due(rina, name="", phone="+628123450000", hours=72)
    due(sari, name="Nobody of hers")
    assert words(rina.user).text == (
        "*Good morning, Rina*\n"
        "2 contacts wait\n\n"
        "• Follow-up due: 2\n\n"
        "*Most urgent*\n"
        "1. …0000: Follow-up due for 3 days\n"
        "2. Budi (…6789): Follow-up due for 3 hours\n\n"
        "Open the list: https://crm.example/admin/today/"
    )


def test_a_lead_reads_how_many_each_cs_has(team: Team) -> None:
    rina, sari = cs(team, "Rina"), cs(team, "Sari")
    lead = UserFactory(role="cs_lead", teams=[team])
    due(rina, hours=50)
    due(rina)
    due(sari)
    said = words(lead)
    assert [(each.title, each.count, each.note) for each in said.agents] == [
        ("Rina", "2", "the oldest for 2 days"),
        ("Sari", "1", "the oldest for 3 hours"),
    ]
    assert "*By CS*\n• Rina: 2 (the oldest for 2 days)\n• Sari: 1" in said.text


def test_a_lead_of_another_team_reads_of_nobody(team: Team) -> None:
    due(cs(team, "Rina"), name="Budi")
    said = words(UserFactory(role="cs_lead", teams=[TeamFactory()], first_name="Dewi"))
    assert (said.summary, said.counts, said.costliest, said.agents) == ("nobody waits", (), (), ())
    assert "Budi" not in said.text
    assert said.text.startswith("*Good morning, Dewi*\nNobody waits\n\n")


def test_only_three_are_named_and_by_no_more_than_four_digits(team: Team) -> None:
    rina = cs(team, "Rina")
    for n in range(5):
        due(rina, name=f"Pelanggan {n}", phone=f"+62812345600{n:02}", hours=2 + n)
    said = words(rina.user)
    assert [line.who for line in said.costliest] == [
        "Pelanggan 4 (…0004)", "Pelanggan 3 (…0003)", "Pelanggan 2 (…0002)",
    ]  # fmt: skip
    assert "62812345600" not in said.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("*Bu _Ani_*", "Bu Ani (…6789)"),
        ("https://evil.example/x", "https evil example x (…6789)"),
        ("bit.ly:8080", "bit ly 8080 (…6789)"),
        ("A\nB\r\nC\u202e", "A B C (…6789)"),
        ("x" * 200, "x" * 39 + "… (…6789)"),
        ("<script>", "script (…6789)"),
        ("🌸", "🌸 (…6789)"),
        ("***", "…6789"),
    ],
)
def test_a_name_is_neither_markup_nor_a_link(team: Team, name: str, said: str) -> None:
    rina = cs(team, "Rina")
    due(rina, name=name, phone="+628123456789")
    assert [line.who for line in words(rina.user).costliest] == [said]


def test_a_contact_without_a_number_is_called_by_name(team: Team) -> None:
    rina = cs(team, "Rina")
    due(rina, name="Budi", phone="", lid="123456789012")
    assert [line.who for line in words(rina.user).costliest] == ["Budi"]


def test_without_a_public_address_it_says_where_the_list_is(team: Team, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    assert words(cs(team, "Rina").user).text.endswith("\n\nThe list is in labelcrm, under “Today”.")


def test_a_brief_costs_as_many_queries_for_many_as_for_one(team: Team) -> None:
    rina = cs(team, "Rina")
    counts = []
    for _ in range(2):
        due(rina)
        user = User.objects.get(pk=rina.user.pk)
        with CaptureQueriesContext(connection) as queries:
            brief_words(user, now=timezone.now())
        counts.append(len(queries))
        for _n in range(5):
            due(rina)
    assert counts[0] == counts[1] <= 16
