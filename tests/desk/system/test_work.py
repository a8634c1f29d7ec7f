"""The Work page: who sees which long work, what each job says of itself, stopping and going on."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labelcrm.core import jobs
from labelcrm.core.jobs import JobKind, Step
from labelcrm.core.models import Heartbeat, Job, User
from labels.jobs import remap
from labels.models import Label
from tests.desk.conftest import Shop
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
PAGE, ROWS = "/admin/jobs/", "/admin/jobs/rows/"


@pytest.fixture(autouse=True)
def kind() -> Iterator[JobKind]:
    """A kind of work that says what its job is called."""
    found = jobs.register(
        JobKind(
            name="dig",
            step=lambda job: Step(progress=1, result={}),
            title=lambda job: f"Dig {job.parameters.get('name', 'a hole')}",
            outcome=lambda job: f"{job.result.get('metres', 0)} metres deep",
            stopped=lambda job: "Filled in again",
            link=lambda job: "/admin/",
        )
    )
    yield found
    del jobs.KINDS["dig"]


def make(owner: User | None = None, **values: Any) -> Job:
    if values.get("state") in ("done", "failed", "cancelled"):
        values.setdefault("finished_at", timezone.now())
    return Job.objects.create(**{"kind": "dig", "owner": owner, **values})


def shown(client: Client, query: str = "") -> list[int]:
    return [line.job.pk for line in client.get(PAGE + query).context["lines"]]


def text(client: Client, path: str = PAGE) -> str:
    return client.get(path).content.decode()


# -- Who sees what ----------------------------------------------------------------------------------------------------


def test_a_cs_sees_the_own_work_and_nobody_elses(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs", shop)
    own, _other, _system = make(client.user), make(UserFactory()), make()
    assert shown(client) == shown(client, "?whose=system") == [own.pk]
    assert "Everybody's" not in text(client)


@pytest.mark.parametrize("role", ["owner", "auditor"])
def test_who_may_view_jobs_sees_everybodys_or_the_own_or_the_systems(client_of: ClientOf, role: str) -> None:
    client = client_of(role)
    own, other, system = make(client.user), make(UserFactory(first_name="Rina")), make(state="failed", error="x")
    assert shown(client) == [system.pk, other.pk, own.pk]
    assert shown(client, "?whose=mine") == [own.pk]
    assert shown(client, "?whose=system") == [system.pk]
    assert "Rina" in text(client)


def test_nightly_checks_that_found_nothing_stand_apart(client_of: ClientOf) -> None:
    client = client_of("owner")
    quiet = make(kind="labels.rebuild", state="done", result={"differences": 0})
    found = make(kind="labels.rebuild", state="done", result={"differences": 3})
    asked_for = make(client.user, kind="labels.rebuild", state="done", result={"differences": 0})
    at_work = make(kind="labels.rebuild", state="running")
    assert shown(client) == [at_work.pk, asked_for.pk, found.pk]
    assert shown(client, "?whose=system") == [at_work.pk, found.pk, quiet.pk]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_somebody_elses_work_cannot_be_touched(client_of: ClientOf, shop: Shop, action: str) -> None:
    job = make(UserFactory(), state="failed" if action == "retry" else "queued")
    client = client_of("cs", shop)
    assert client.post(f"{PAGE}{job.pk}/{action}/").status_code == 404
    before = job.state
    job.refresh_from_db()
    assert (job.state, job.cancel_asked_at) == (before, None)


# -- What a job says --------------------------------------------------------------------------------------------------


def test_each_state_says_what_came_of_it(client_of: ClientOf) -> None:
    client = client_of("owner")
    make(client.user, state="done", result={"metres": 12})
    make(client.user, state="cancelled")
    make(client.user, state="failed", error="stopped_its_worker")
    make(client.user, state="failed", error="ValueError: hard rock")
    make(client.user, state="failed", error="gone", result={"sentence": "The spade is gone."})
    make(client.user, state="running", cancel_asked_at=timezone.now())
    make(client.user, state="queued", error="OperationalError: away")
    make(client.user, kind="of another version", state="done")
    html = text(client)
    for said in (
        "12 metres deep", "Filled in again", "It stopped its worker several times", "ValueError: hard rock. What was",
        "The spade is gone.", "Being stopped.", "Tried again soon: OperationalError: away", "of another version",
    ):  # fmt: skip
        assert said.replace("'", "&#x27;") in html, said


def test_progress_is_a_share_where_the_whole_is_known(client_of: ClientOf) -> None:
    client = client_of("owner")
    known = make(client.user, state="running", progress=8500, total=20_000)
    unknown = make(client.user, state="running", progress=84_000)
    lines = {line.job.pk: line for line in client.get(PAGE).context["lines"]}
    assert (lines[known.pk].percent, lines[unknown.pk].percent) == (42, None)
    html = text(client)
    assert "8,500 of 20,000" in html
    assert "84,000" in html


def test_a_worker_that_is_silent_is_named_while_something_waits(client_of: ClientOf) -> None:
    client = client_of("owner")
    job = make(client.user)
    assert "Nothing moves" in text(client)
    Heartbeat.objects.create(name="slow", at=timezone.now())
    assert "Nothing moves" not in text(client)
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=10))
    assert "Nothing moves" in text(client)
    Job.objects.filter(pk=job.pk).update(state="done", finished_at=timezone.now())
    assert "Nothing moves" not in text(client)


def test_a_label_is_called_as_it_was_when_its_meaning_was_changed(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("owner")
    label = Label.objects.get(name="Prospek panas")
    remap(channel_label=shop.whatsapp_label(), label=label, since=None, actor=client.user)
    assert "“Grade A” on Number Rina means “Hot prospect”" in text(client)
    User.objects.update(language="id")
    assert "“Prospek panas”" in text(client)


def test_the_list_asks_as_much_for_many_jobs_as_for_one(
    client_of: ClientOf, shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of("owner")
    row, label = shop.whatsapp_label(), Label.objects.get(name="Selesai")
    for owner in (client.user, UserFactory(), UserFactory()):
        for _ in range(10):
            remap(channel_label=row, label=label, since=None, actor=owner)
    with django_assert_max_num_queries(7):  # session, user, rights (2), jobs, heartbeats; rights of a group
        client.get(ROWS)


# -- Pages and refreshing ---------------------------------------------------------------------------------------------


def test_older_work_is_on_further_pages_and_whose_it_is_stays_chosen(client_of: ClientOf) -> None:
    client = client_of("owner")
    made = [make(client.user, state="done").pk for _ in range(120)]
    make()
    first = client.get(f"{PAGE}?whose=mine")
    assert [line.job.pk for line in first.context["lines"]] == made[:-51:-1]
    assert f"?before={made[70]}&amp;whose=mine" in first.content.decode()
    second = client.get(f"{PAGE}?whose=mine&before={made[70]}")
    assert [line.job.pk for line in second.context["lines"]] == made[69:19:-1]
    assert len(shown(client, f"?whose=mine&before={made[20]}")) == 20
    assert shown(client, "?before=²") == shown(client)


def test_the_open_page_asks_for_the_list_it_shows(client_of: ClientOf) -> None:
    client = client_of("owner")
    make(client.user, state="done")
    mine = client.get(f"{PAGE}?whose=mine&before=7")
    assert mine.context["refresh"] == f"{ROWS}?whose=mine&before=7"
    rows = text(client, ROWS)
    assert 'data-waiting="0"' in rows
    assert "<html" not in rows
    make(client.user, state="running")
    assert 'data-waiting="1"' in text(client, ROWS)


def test_what_is_said_aloud_changes_with_each_tenth_and_at_the_end(client_of: ClientOf) -> None:
    client = client_of("owner")
    job = make(client.user, parameters={"name": "a well"})

    def said(**values: Any) -> str:
        Job.objects.filter(pk=job.pk).update(**values)
        return str(client.get(ROWS).context["said"])

    assert said() == "1 at work"
    assert said(state="running", progress=31, total=100) == said(progress=39) == "1 at work, 30% done"
    assert said(progress=40) == "1 at work, 40% done"
    assert said(state="done", finished_at=timezone.now()) == "Dig a well: done"


def test_the_menu_counts_the_own_unfinished_work(client_of: ClientOf) -> None:
    client = client_of("owner")

    def count(path: str) -> list[int]:
        groups = client.get(path).context["sidebar_navigation"]
        return [item["badge"] for group in groups for item in group["items"] if "badge" in item]

    assert count("/admin/system/") == []
    make(UserFactory())
    make(client.user, state="done")
    make(client.user)
    make(client.user, state="running")
    assert count("/admin/system/") == [2]
    assert count(PAGE) == [], "the page itself says it, and goes on saying it"


# -- Stopping and going on --------------------------------------------------------------------------------------------


def test_stopping_leads_back_to_the_list_one_came_from(client_of: ClientOf) -> None:
    client = client_of("owner")
    job = make(client.user, state="running", lease=uuid.uuid4(), leased_until=timezone.now() + timedelta(minutes=1))
    assert f"/admin/jobs/{job.pk}/cancel/?whose=mine" in text(client, f"{PAGE}?whose=mine")
    answer = client.post(f"{PAGE}{job.pk}/cancel/?whose=mine")
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?whose=mine")
    html = text(client)
    assert "It is being stopped." in html
    assert f"/admin/jobs/{job.pk}/cancel/" not in html
    assert client.get(f"{PAGE}{job.pk}/cancel/").status_code == 405


def test_what_failed_goes_on_unless_its_kind_cannot(client_of: ClientOf, kind: JobKind) -> None:
    client = client_of("owner")
    job = make(client.user, state="failed", error="ValueError: hard rock", progress=3)
    assert f"/admin/jobs/{job.pk}/retry/" in text(client)
    jobs.register(JobKind(name="dig", step=kind.step, title=kind.title, can_retry=False))
    assert f"/admin/jobs/{job.pk}/retry/" not in text(client)
    client.post(f"{PAGE}{job.pk}/retry/")
    job.refresh_from_db()
    assert job.state == "failed"
    jobs.register(kind)
    client.post(f"{PAGE}{job.pk}/retry/")
    job.refresh_from_db()
    assert (job.state, job.error, job.progress) == ("queued", "", 3)


def test_what_has_ended_meanwhile_is_said(client_of: ClientOf) -> None:
    client = client_of("owner")
    job = make(client.user, state="done")
    client.post(f"{PAGE}{job.pk}/cancel/")
    assert "It has ended in the meantime." in text(client)


@pytest.mark.parametrize(("role", "status"), [("owner", 302), ("auditor", 403)])
def test_who_only_looks_stops_nobody_elses_work(client_of: ClientOf, role: str, status: int) -> None:
    client = client_of(role)
    own, other, failed = make(client.user), make(UserFactory()), make(state="failed")
    lines = {line.job.pk: line for line in client.get(PAGE).context["lines"]}
    assert lines[own.pk].can_stop
    assert lines[other.pk].can_stop == lines[failed.pk].can_retry == (status == 302)
    assert client.post(f"/admin/jobs/{other.pk}/cancel/").status_code == status
    assert client.post(f"/admin/jobs/{failed.pk}/retry/").status_code == status
    assert client.post(f"/admin/jobs/{own.pk}/cancel/").status_code == 302
    other.refresh_from_db()
    assert (other.cancel_asked_at is not None) == (status == 302)


def test_what_was_just_asked_for_stands_above_the_list(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("marketing")
    mine, other = make(client.user, parameters={"name": "a well"}), make()  # type: ignore[attr-defined]
    for path in (PAGE, ROWS):
        assert "The link appears here by itself" in text(client, f"{path}?new={mine.pk}")
        for query in ("", f"?new={other.pk}", "?new=x", "?new=99999999"):
            assert "new-title" not in text(client, path + query)
    jobs.run(mine.pk, seconds=60)
    assert re.search(r'lc-new".*?Dig a well.*?href="/admin/">Open', text(client, f"{ROWS}?new={mine.pk}"), re.DOTALL)


def test_a_link_to_a_file_is_called_a_download(client_of: ClientOf) -> None:
    client = client_of("marketing")
    job = make(client.user, kind="contacts.export", state="done", parameters={"format": "xlsx"}, result={"rows": 2})  # type: ignore[attr-defined]
    assert re.findall(r'href="/exports/[^"]+">(\w+)', text(client, f"{PAGE}?new={job.pk}")) == ["Download", "Download"]
