"""The Today page: who waits and why, whose it is, and what each button does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import ChannelOwnership, Contact
from labelcrm.core.models import AuditEntry, Job
from labels.models import StaleFlag, StaleSnooze, TodayAction
from tests.desk.today.world import NOW, Morning, ago, make_morning
from tests.factories import AgentFactory, UserFactory
from tests.webhooks.conftest import rows_of_the_file as rows_of_the_file
from tests.work import do_work

pytestmark = pytest.mark.django_db
TODAY = "/admin/today/"
FETCHED = {"X-Requested-With": "fetch"}
ClientOf = Callable[..., Client]


@pytest.fixture(autouse=True)
def _on_friday() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="module")
def morning(rows_of_the_file: None) -> Morning:
    with time_machine.travel(NOW, tick=False):
        return make_morning()


@pytest.fixture
def lead(client_of: ClientOf, morning: Morning) -> Client:
    return client_of("cs_lead", morning.shop)


def lines(client: Client, query: str = "") -> dict[str, list[str]]:
    """The names on the page in their order, each with the kinds of its reasons."""
    page = client.get(TODAY + query).context["page"]
    return {line.contact.name: [reason.row.kind for reason in line.reasons] for line in page.lines}


def act(client: Client, do: str, *people: Contact, **fields: Any) -> dict[str, Any]:
    answer = client.post(f"{TODAY}act/", {"do": do, "contact": [p.pk for p in people], **fields}, headers=FETCHED)
    assert answer.status_code == 200, answer
    return dict(answer.json())


# -- Who stands on it -------------------------------------------------------------------------------------------------


def test_each_reason_is_found_and_the_costliest_comes_first(lead: Client) -> None:
    assert list(lines(lead).items()) == [
        ("Ani", ["unanswered", "high"]),  # value 6 × 20 limits, and × 2
        ("Cici", ["follow_up"]),  # 5 × 2.5
        ("Budi", ["waiting"]),  # 4 × 2
        ("Fina", ["contradiction"]),  # 3 × 2
        ("Eka", ["stale"]),  # 3 × 16 days of 14
        ("Dedi", ["never"]),  # 1 × 3
    ]


def test_where_there_is_no_number_it_claims_nothing(client_of: ClientOf, morning: Morning) -> None:
    """A CS without a team sees no number; what waits on those of others is not settled by that."""
    html = client_of("cs").get(TODAY).content.decode()
    assert "Nothing to show yet" in html
    assert "Every chat is answered" not in html


def test_a_line_says_why_since_when_and_what_to_do(lead: Client) -> None:
    html = lead.get(TODAY).content.decode()
    assert "Wrote 1 day ago, no answer yet" in html
    assert "“Waiting payment” for 9 days, the limit is 3 days" in html
    assert "Answer in WhatsApp." in html
    assert "“Grade B” and “Grade C” do not go together" in html


def test_another_teams_lead_sees_only_their_own(client_of: ClientOf, morning: Morning) -> None:
    other = client_of("cs_lead", morning.other)
    assert list(lines(other)) == ["Hana"]
    ani = morning.people["Ani"]
    assert other.get(f"{TODAY}{ani.pk}/", headers=FETCHED).status_code == 404
    assert act(other, "follow", ani, until="tomorrow")["done"] == [ani.pk]  # as of one where nothing waits any more
    assert Contact.objects.get(pk=ani.pk).follow_up_at is None


def test_a_cs_sees_her_own_contacts_and_lands_here(client_of: ClientOf, morning: Morning) -> None:
    budi = AgentFactory(name="CS Lia", team=morning.shop.team, user=UserFactory(role="cs", username="lia"))
    Contact.objects.filter(pk=morning.people["Budi"].pk).update(assigned_to=budi)
    client = Client()
    assert client.post("/admin/login/", {"username": "lia", "password": "kata sandi panjang"}).url == TODAY
    assert client.get("/").url == TODAY
    assert list(lines(client)) == ["Budi"]
    assert "Without a CS" not in client.get(TODAY).content.decode()


def test_a_lead_lands_at_home(lead: Client) -> None:
    assert lead.get("/").url == "/admin/"


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("cs", 200), ("marketing", 403), ("analyst", 403)])
def test_who_may_answer_chats_may_open_it(client_of: ClientOf, morning: Morning, role: str, status: int) -> None:
    client = client_of(role, morning.shop)
    pages = (TODAY, f"{TODAY}news/", f"{TODAY}badge/")
    assert [client.get(page).status_code for page in pages] == [status] * 3


def test_it_opens_whichever_reasons_there_are(lead: Client, morning: Morning) -> None:
    StaleFlag.objects.exclude(label__meaning="waiting").delete()
    assert len(lines(lead)) == 5
    StaleFlag.objects.all().delete()
    assert len(lines(lead)) == 4


def test_chips_narrow_it_by_reason_and_by_cs(lead: Client, morning: Morning) -> None:
    lia = AgentFactory(name="CS Lia", team=morning.shop.team)
    Contact.objects.filter(pk=morning.people["Eka"].pk).update(assigned_to=lia)
    assert list(lines(lead, "?kind=waiting")) == ["Budi"]
    assert list(lines(lead, f"?cs={lia.pk}")) == ["Eka"]
    page = lead.get(TODAY).context["page"]
    assert [(chip.name, chip.count, chip.oldest.days) for chip in page.people] == [
        ("CS Rina", "5", 9), ("CS Lia", "1", 30),
    ]  # fmt: skip
    assert list(lines(lead, "?cs=0")) == []
    ChannelOwnership.objects.filter(channel=morning.shop.channel).delete()
    assert len(lines(lead, "?cs=0")) == 5


@pytest.mark.parametrize("query", ["?kind=x&cs=x", "?cs=-1", "?cs=99999999999999999999", "?contact=x"])
def test_odd_addresses_narrow_nothing(lead: Client, query: str) -> None:
    assert lead.get(TODAY + query).status_code == 200


def test_the_page_asks_as_many_queries_whatever_waits(lead: Client, morning: Morning) -> None:
    lead.get(TODAY)
    with CaptureQueriesContext(connection) as few:
        lead.get(TODAY)
    for n in range(30):
        morning.person(f"Many {n}", inbound=ago(hours=2 + n))
    with CaptureQueriesContext(connection) as many:
        assert len(lines(lead)) == 36
    assert len(many) <= len(few) <= 18


def test_of_more_than_fifty_the_rest_is_backlog(lead: Client, morning: Morning) -> None:
    for n in range(50):
        morning.person(f"Many {n}", inbound=ago(hours=2))
    response = lead.get(TODAY)
    assert len(response.context["page"].lines) == 50
    assert "and 6 more" in response.content.decode()


def test_what_was_written_long_ago_is_not_answered_today(lead: Client, morning: Morning) -> None:
    morning.person("Old", inbound=ago(days=15))
    assert "Old" not in lines(lead)


# -- What the buttons do ----------------------------------------------------------------------------------------------


def test_put_off_hides_it_for_everybody_until_then(lead: Client, client_of: ClientOf, morning: Morning) -> None:
    dedi = morning.people["Dedi"]
    assert act(lead, "snooze", dedi, until="tomorrow")["said"] == "Put off until 21 Mar 2026, 09:00."
    assert "Dedi" not in lines(lead)
    assert "Dedi" not in lines(client_of("cs_lead", morning.shop))
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        assert "Dedi" in lines(lead)


def test_a_new_message_brings_back_what_was_put_off(lead: Client, morning: Morning) -> None:
    ani = morning.people["Ani"]
    act(lead, "snooze", ani, until="monday", reason="on holiday")
    assert "Ani" not in lines(lead)
    with time_machine.travel(NOW + timedelta(hours=3), tick=False):
        wrote = NOW + timedelta(hours=1)
        Contact.objects.filter(pk=ani.pk).update(last_inbound_at=wrote)
        ani.on_channels.update(last_inbound_at=wrote)
        assert lines(lead)["Ani"] == ["unanswered"]


def test_what_is_worth_most_is_not_put_off_without_a_reason(lead: Client, morning: Morning) -> None:
    answer = act(lead, "snooze", morning.people["Ani"], until="tomorrow")
    assert (answer["done"], answer["error"]) == ([], "Say why: this contact is worth it.")
    assert "Ani" in lines(lead)


def test_still_right_restarts_the_clock_and_undo_takes_it_back(lead: Client, morning: Morning) -> None:
    eka = morning.people["Eka"]
    assert act(lead, "settle", eka)["said"] == "Still right."
    assert "Eka" not in lines(lead)
    assert StaleSnooze.objects.filter(contact=eka).exists()
    act(lead, "undo")
    assert lines(lead)["Eka"] == ["stale"]
    assert not StaleSnooze.objects.filter(contact=eka).exists()
    assert StaleFlag.objects.get(contact=eka).closed_at is None


def test_settling_is_about_one_reason_and_leaves_the_others(lead: Client, morning: Morning) -> None:
    act(lead, "settle", morning.people["Ani"], kind="unanswered")
    assert lines(lead)["Ani"] == ["high"]


def test_a_follow_up_that_was_done_is_over(lead: Client, morning: Morning) -> None:
    cici = morning.people["Cici"]
    act(lead, "settle", cici)
    assert "Cici" not in lines(lead)
    assert Contact.objects.get(pk=cici.pk).follow_up_at is None
    act(lead, "undo")
    assert Contact.objects.get(pk=cici.pk).follow_up_at == ago(hours=5)


def test_a_follow_up_hides_the_line_until_it_is_due(lead: Client, morning: Morning) -> None:
    budi = morning.people["Budi"]
    act(lead, "follow", budi, until="day", day="23 Mar 2026 14:30")
    assert "Budi" not in lines(lead)
    at = timezone.localtime(Contact.objects.get(pk=budi.pk).follow_up_at)
    assert at.isoformat() == "2026-03-23T14:30:00+07:00"
    with time_machine.travel(at + timedelta(hours=1), tick=False):
        assert set(lines(lead)["Budi"]) == {"waiting", "follow_up"}


def test_assigning_hides_it_from_who_did_it_alone(lead: Client, client_of: ClientOf, morning: Morning) -> None:
    dedi, agent = morning.people["Dedi"], AgentFactory(name="CS Lia", team=morning.shop.team)
    assert act(lead, "assign", dedi, agent=agent.pk)["said"] == "Assigned to CS Lia."
    assert Contact.objects.get(pk=dedi.pk).assigned_to == agent
    assert "Dedi" not in lines(lead)
    assert "Dedi" in lines(client_of("cs_lead", morning.shop))
    assert AuditEntry.objects.filter(action="contact.changed", object_id=dedi.pk).exists()
    act(lead, "undo")
    assert Contact.objects.get(pk=dedi.pk).assigned_to is None


def test_nobody_is_given_to_a_cs_of_another_team(lead: Client, morning: Morning) -> None:
    answer = act(lead, "assign", morning.people["Dedi"], agent=morning.other.agent.pk)
    assert answer["error"] == "Choose a CS."


def test_what_is_said_to_be_fixed_comes_back_tomorrow_if_it_is_not(lead: Client, morning: Morning) -> None:
    act(lead, "fix", morning.people["Eka"])
    assert "Eka" not in lines(lead)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        assert "Eka" in lines(lead)


def test_undo_brings_back_all_that_was_done_at_once(lead: Client, morning: Morning) -> None:
    people = [morning.people[name] for name in ("Budi", "Dedi", "Eka")]
    assert act(lead, "follow", *people, until="tomorrow")["said"] == "3 follow-ups set for 21 Mar 2026, 09:00."
    assert len(lines(lead)) == 3
    assert act(lead, "undo")["done"] == sorted(p.pk for p in people)
    assert len(lines(lead)) == 6
    assert act(lead, "undo")["said"] == "Nothing of today is left to undo."


def test_undo_leaves_what_somebody_else_changed_since(lead: Client, morning: Morning) -> None:
    dedi, later = morning.people["Dedi"], NOW + timedelta(days=9)
    act(lead, "follow", dedi, until="tomorrow")
    Contact.objects.filter(pk=dedi.pk).update(follow_up_at=later)
    act(lead, "undo")
    assert Contact.objects.get(pk=dedi.pk).follow_up_at == later


def test_nobody_undoes_what_another_did(lead: Client, client_of: ClientOf, morning: Morning) -> None:
    act(lead, "fix", morning.people["Eka"])
    assert act(client_of("cs_lead", morning.shop), "undo")["done"] == []
    assert TodayAction.objects.get().undone_at is None


@pytest.mark.parametrize("fields", [{"do": "x"}, {"do": ""}, {}])
def test_a_button_that_there_is_not_does_nothing(lead: Client, fields: dict[str, str]) -> None:
    assert lead.post(f"{TODAY}act/", fields, headers=FETCHED).status_code == 400


@pytest.mark.parametrize(
    ("do", "fields", "error"),
    [
        ("follow", {"until": "newer"}, "Choose a day."),
        ("follow", {"until": "day", "day": ""}, "Choose a day."),
        ("snooze", {"until": "day", "day": "1 Jan 2020"}, "Choose a time that is still to come."),
        ("assign", {"agent": "99999999999999999999"}, "Choose a CS."),
    ],
)
def test_odd_values_are_refused(lead: Client, morning: Morning, do: str, fields: dict[str, str], error: str) -> None:
    assert act(lead, do, morning.people["Dedi"], **fields)["error"] == error
    assert not TodayAction.objects.exists()


def test_without_a_script_a_button_leads_back_with_a_message(lead: Client, morning: Morning) -> None:
    response = lead.post(f"{TODAY}act/?kind=never", {"do": "settle", "contact": morning.people["Dedi"].pk}, follow=True)
    assert response.redirect_chain == [(f"{TODAY}?kind=never", 302)]
    assert "Needs no label." in response.content.decode()


def test_who_may_only_read_acts_on_nothing(client_of: ClientOf, morning: Morning) -> None:
    assert client_of("auditor").post(f"{TODAY}act/", {"do": "fix"}).status_code == 403


# -- Empty, and many --------------------------------------------------------------------------------------------------


def test_when_all_is_done_it_says_what_was_done(lead: Client, morning: Morning) -> None:
    act(lead, "follow", *morning.people.values(), until="tomorrow")
    html = lead.get(TODAY).content.decode()
    assert "All done for now" in html
    assert "6 follow-ups set" in html
    assert lead.get(f"{TODAY}badge/").json() == {"count": ""}


def test_the_backlog_of_a_kind_is_put_off_by_a_job_and_undone(lead: Client, morning: Morning) -> None:
    for n in range(5):
        morning.person(f"Many {n}", inbound=ago(hours=5), outbound=ago(hours=4))
    lead.post(f"{TODAY}backlog/", {"kind": "never", "do": "snooze", "until": "tomorrow"})
    do_work()
    assert list(lines(lead, "?kind=never")) == []
    assert Job.objects.get().result == {"done": 6, "refused": 0}
    assert len(act(lead, "undo")["done"]) == 6
    assert len(lines(lead, "?kind=never")) == 6


def test_a_job_leaves_those_of_other_teams_and_other_kinds(lead: Client, morning: Morning) -> None:
    lead.post(f"{TODAY}backlog/", {"kind": "unanswered", "do": "settle"})
    do_work()
    assert [action.contact for action in TodayAction.objects.all()] == [morning.people["Ani"]]
    assert lines(lead)["Ani"] == ["high"]


def test_a_backlog_needs_a_kind_and_something_to_do(lead: Client) -> None:
    for fields in ({"do": "settle"}, {"kind": "never", "do": "fix"}, {"kind": "never", "do": "assign", "agent": "0"}):
        lead.post(f"{TODAY}backlog/", fields)
    assert not Job.objects.exists()
