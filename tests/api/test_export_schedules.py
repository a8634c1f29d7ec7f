"""Scheduled exports through the API: written whole or in part, refused with the place, run and listed."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from labelcrm.core.models import Job
from reports.models import Segment
from tests.api.conftest import client_of, rows
from tests.api.story import Story
from tests.factories import TeamFactory, UserFactory
from tests.work import do_work
from transfer.models import ExportSchedule, RunRefusal, ScheduledRun

pytestmark = pytest.mark.django_db
PATH = "/api/v1/export-schedules/"


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory(role="marketing", email="sari@toko.test")


@pytest.fixture
def client(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def segment(user: Any) -> Segment:
    story = Story(team=TeamFactory())
    story.contact(name="Budi")
    return Segment.objects.create(name="Semua", definition={"any": [{"all": []}]}, owner=user)


def make(client: APIClient, segment: Segment, **asked: Any) -> Any:
    body = {"segment": segment.pk, "format": "csv", "every": "weekly"} | asked.pop("body", {}) | asked
    return client.post(PATH, body, format="json")


def test_a_schedule_is_made_read_changed_archived_and_restored(client: APIClient, segment: Segment) -> None:
    answer = make(client, segment, weekday=4, hour=17, only_new=True, recipients=["SARI@toko.test"])
    assert answer.status_code == 201, answer.data
    found = client.get(f"{PATH}{answer.data['id']}/").data
    assert found == answer.data
    shown = {name: found[name] for name in ("segment", "format", "every", "weekday", "hour", "only_new", "is_on")}
    assert shown == {
        "segment": segment.pk, "format": "csv", "every": "weekly", "weekday": 4, "hour": 17, "only_new": True,
        "is_on": True,
    }  # fmt: skip
    assert (found["recipients"], found["paused_because"]) == (["sari@toko.test"], "")
    assert found["in_words"].startswith("every Friday 17:00, next on ")
    one = f"{PATH}{found['id']}/"
    changed = client.patch(one, {"exclude": {"exported_days": 7}, "hold_out": 10, "is_on": False}, format="json").data
    assert changed["exclude"] == {"complaint": True, "opted_out": True, "exported_days": 7, "no_phone": True}
    assert (changed["hold_out"], changed["only_new"], changed["next_due_at"]) == (10, True, None)
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    assert len(client.get(f"{PATH}?archived=true").data["results"]) == 1
    assert client.post(f"{one}restore/").data["is_on"] is False


def test_a_format_of_the_page_outlives_a_change_of_the_hour(client: APIClient, segment: Segment) -> None:
    made = make(client, segment).data
    ExportSchedule.objects.update(layout="whatsapp")
    assert client.patch(f"{PATH}{made['id']}/", {"hour": 9}, format="json").data["hour"] == 9
    assert ExportSchedule.objects.get().layout == "whatsapp"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"every": "hourly"}, "every"),
        ({"weekday": 7}, "weekday"),
        ({"day": 0}, "day"),
        ({"day": "31"}, "day"),
        ({"hour": 24}, "hour"),
        ({"segment": 999}, "segment"),
        ({"format": "pdf"}, "format"),
        ({"columns": ["phone", "secret"]}, "columns[1]"),
        ({"exclude": {"complaint": 1}}, "exclude.complaint"),
        ({"recipients": ["sari@toko.test", "a@b.test"]}, "recipients[1]"),
        ({"recipients": [""]}, "recipients[0]"),
        ({"recipients": "sari@toko.test"}, "recipients"),
        ({"next_due_at": "2026-01-01T00:00:00Z"}, "next_due_at"),
        ({"minute": 5}, "minute"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(client: APIClient, segment: Segment, asked: Any, place: str) -> None:
    answer = make(client, segment, body=asked)
    assert answer.status_code == 400
    assert list(answer.data["error"]["fields"]) == [place], answer.data
    assert not ExportSchedule.objects.exists()


def test_a_run_by_hand_is_listed_with_its_export(client: APIClient, segment: Segment) -> None:
    made = make(client, segment).data
    answer = client.post(f"{PATH}{made['id']}/run/")
    assert (answer.status_code, answer.data["state"], answer.data["by_hand"]) == (202, Job.State.QUEUED, True)
    assert client.post(f"{PATH}{made['id']}/run/").status_code in (400, 409)
    do_work()
    [run] = client.get(f"{PATH}{made['id']}/runs/").data["results"]
    assert (run["state"], run["reason"], run["export"]["rows"]) == (Job.State.DONE, "", 1)
    assert run["export"]["url"].startswith("http://testserver/exports/")


def test_a_run_that_was_refused_says_why(client: APIClient, segment: Segment) -> None:
    made = make(client, segment).data
    schedule = ExportSchedule.objects.get()
    ScheduledRun.objects.create(schedule=schedule, due_at=schedule.created_at, refused=RunRefusal.SEGMENT_ARCHIVED)
    [run] = client.get(f"{PATH}{made['id']}/runs/").data["results"]
    assert (run["state"], run["reason"], run["export"]) == (Job.State.FAILED, "segment_archived", None)


def test_another_s_schedule_does_not_exist_but_for_owners(client: APIClient, segment: Segment) -> None:
    made = make(client, segment).data
    other, boss, auditor = (client_of(UserFactory(role=role)) for role in ("marketing", "owner", "auditor"))
    assert other.get(f"{PATH}{made['id']}/").status_code == 404
    assert rows(other, "export-schedules") == []
    assert [row["id"] for row in rows(boss, "export-schedules")] == [made["id"]]
    assert auditor.get(PATH).status_code == 403


def test_more_schedules_cost_no_more_queries(
    client: APIClient, segment: Segment, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make(client, segment)
    with django_assert_max_num_queries(6):
        assert len(client.get(PATH).data["results"]) == 5
