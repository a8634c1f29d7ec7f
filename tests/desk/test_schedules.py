"""The pages of scheduled exports, the notices above every page, and what segments say of their schedules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from labelcrm.core.models import Job, Notice, User
from reports.models import Segment
from tests.api.story import Story
from tests.factories import TeamFactory, UserFactory
from tests.work import do_work
from transfer.models import ExportSchedule, RunRefusal, ScheduledRun

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
LIST = "/admin/exports/schedules/"


@pytest.fixture
def segment(db: None) -> Segment:
    story = Story(team=TeamFactory(name="Sales"))
    for n in range(2):
        story.contact(name=f"Ani {n}")
    return Segment.objects.create(name="Semua", definition={"any": [{"all": []}]}, shared="everyone")


def words(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def repeat(client: Client, segment: Segment, **asked: Any) -> ExportSchedule:
    form = {"asked": "1", "segment": segment.pk, "layout": "csv", "every": "weekly", "weekday": "0", "hour": "8"}
    answer = client.post(f"{LIST}new/", form | asked)
    assert answer.status_code == 302, words(answer)
    return ExportSchedule.objects.latest("pk")


def test_the_export_page_leads_to_the_form_with_what_was_chosen(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    chosen = {"asked": "1", "repeat": "1", "layout": "whatsapp", "only_new": "1", "exported_days": "7"}
    answer = client.post(f"/admin/segments/{segment.pk}/export/", chosen)
    assert answer.status_code == 302
    page = client.get(answer.url)
    choice = page.context["choice"]
    assert (choice.layout.code, choice.exclusions.only_new, choice.exclusions.exported_days) == ("whatsapp", True, 7)
    assert choice.exclusions.complaint is False
    assert page.context["form"].segment == segment
    assert "csrfmiddlewaretoken" not in answer.url


def test_a_schedule_is_set_up_run_by_hand_changed_and_switched_off(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    made = repeat(client, segment, every="monthly", day="31", hour="9", complaint="1")
    assert (made.every, made.day, made.hour, made.exclude_complaint, made.exclude_no_phone) == (
        "monthly", 31, 9, True, False,
    )  # fmt: skip
    page = f"{LIST}{made.pk}/"
    assert "On the last day of every month 09:00, next on" in words(client.get(page))
    client.post(f"{page}run/")
    assert "disabled" in client.get(page).content.decode()
    do_work()
    shown = client.get(page)
    assert "run by hand" in words(shown)
    [line] = shown.context["runs"]
    assert (line.run.state, line.run.export.rows, line.link != "") == (Job.State.DONE, 2, True)
    client.post(f"{page}off/")
    assert "switched off" in words(client.get(page))
    client.post(f"{page}change/", {"asked": "1", "layout": "xlsx", "every": "daily", "hour": "7"})
    made.refresh_from_db()
    assert (made.every, made.hour, made.layout, made.is_on) == ("daily", 7, "xlsx", False)
    client.post(f"{page}on/")
    assert "Every day 07:00, next on" in words(client.get(page))
    client.post(f"{page}archive/")
    assert client.get(LIST).context["lines"] == []
    assert [line.schedule for line in client.get(f"{LIST}?state=archived").context["lines"]] == [made]
    client.post(f"{page}restore/")
    made.refresh_from_db()
    assert (made.is_archived, made.is_on) == (False, False)


def test_numbers_out_of_range_are_not_kept(client_of: ClientOf, segment: Segment) -> None:
    made = repeat(client_of("marketing"), segment, weekday="9", day="0", hour="24", every="often")
    assert (made.every, made.weekday, made.day, made.hour) == ("weekly", 0, 1, 0)


def test_only_who_could_make_the_file_can_be_named(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    boss, auditor = UserFactory(role="owner", email="boss@toko.test"), UserFactory(role="auditor")
    page = client.get(f"{LIST}new/?segment={segment.pk}")
    assert {user.pk for user in page.context["form"].nameable} == {boss.pk, client.user.pk}  # type: ignore[attr-defined]
    assert "boss@toko.test" in words(page)
    made = repeat(client, segment, recipients=[boss.pk, auditor.pk])
    assert list(made.recipients.all()) == [boss]
    boss.groups.clear()
    assert "no longer may: gets no link" in words(client.get(f"{LIST}{made.pk}/"))


def test_the_page_says_whether_e_mail_goes_out(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    page = f"{LIST}{repeat(client, segment).pk}/"
    off = "This installation sends no e-mail (EMAIL_HOST is not set)"
    assert off in words(client.get(page))
    with override_settings(EMAIL_HOST="smtp.test"):
        assert off not in words(client.get(page))


def test_a_pause_says_why_and_what_to_do(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    made = repeat(client, segment)
    page = f"{LIST}{made.pk}/"
    Segment.objects.update(deleted_at=timezone.now())
    assert "Its segment is archived. The next run will make no file" in words(client.get(page))
    ExportSchedule.objects.update(is_on=False, paused_because=RunRefusal.SEGMENT_ARCHIVED, paused_at=timezone.now())
    ScheduledRun.objects.create(schedule=made, due_at=timezone.now(), refused=RunRefusal.SEGMENT_ARCHIVED)
    assert "Its segment is archived. No file was made. Put it right, then switch it on again." in words(
        client.get(page)
    )
    assert "paused" in words(client.get(LIST))
    assert "Its segment is archived." in words(client.post(f"{page}on/", follow=True))
    assert "Its segment is archived." in words(client.post(f"{page}run/", follow=True))


def test_schedules_are_their_owner_s_and_the_owners(client_of: ClientOf, segment: Segment) -> None:
    made = repeat(client_of("marketing"), segment)
    page = f"{LIST}{made.pk}/"
    assert client_of("analyst").get(page).status_code == 404
    assert client_of("owner").get(page).status_code == 200
    assert client_of("auditor").get(LIST).status_code == 403
    for act in ("run", "on", "off", "archive", "restore"):
        assert client_of("analyst").post(f"{page}{act}/").status_code == 404
        assert client_of("owner").get(f"{page}{act}/").status_code == 405
    hidden = Segment.objects.create(name="x", definition={"any": [{"all": []}]}, shared="private")
    assert client_of("marketing").get(f"{LIST}new/?segment={hidden.pk}").status_code == 404


def test_more_schedules_and_runs_cost_no_more_queries(
    client_of: ClientOf, segment: Segment, django_assert_max_num_queries: Any
) -> None:
    client = client_of("marketing")
    for runs in (1, 1, 3):
        made = repeat(client, segment)
        for _ in range(runs):
            client.post(f"{LIST}{made.pk}/run/")
            do_work()
    client.get("/admin/jobs/")
    with django_assert_max_num_queries(10):
        assert len(client.get(LIST).context["lines"]) == 3
    with django_assert_max_num_queries(24):
        assert len(client.get(f"{LIST}{made.pk}/").context["runs"]) == 3
    with django_assert_max_num_queries(12):
        client.get("/admin/segments/")


# -- Segments ---------------------------------------------------------------------------------------------------------


def test_a_segment_says_what_exports_it(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    made = repeat(client, segment)
    for page in ("/admin/segments/", f"/admin/segments/{segment.pk}/", f"/admin/segments/{segment.pk}/export/"):
        assert f'href="{LIST}{made.pk}/"' in client.get(page).content.decode()
        seen = client_of("analyst").get(page)
        assert "very Monday 08:00" in words(seen)
        assert f'href="{LIST}{made.pk}/"' not in seen.content.decode(), "another's schedule does not open"


def test_who_archives_a_segment_that_repeats_is_warned_before(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("owner")
    made = repeat(client, segment)
    page = f"/admin/segments/{segment.pk}/archive/"
    warned = client.post(page)
    assert "the next run makes no file and the schedule pauses" in words(warned)
    assert not Segment.all_objects.get().is_archived
    client.post(page, {"confirmed": "1"})
    assert Segment.all_objects.get().is_archived
    Segment.all_objects.update(deleted_at=None)
    ExportSchedule.objects.filter(pk=made.pk).update(is_on=False)
    assert "makes no file" not in words(client.post(page)), "what is switched off does not run anyway"


# -- Notices ----------------------------------------------------------------------------------------------------------


def export(client: Client, segment: Segment) -> str:
    answer = client.post(f"/admin/segments/{segment.pk}/export/", {"asked": "1", "layout": "csv"})
    return str(answer.url)


def test_whoever_waits_for_an_export_is_told_on_any_page(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    export(client, segment)
    waiting = client.get("/admin/segments/").content.decode()
    assert 'data-refresh="/admin/notices/"' in waiting
    assert "Export of “Semua”" not in words(client.get("/admin/notices/"))
    do_work()
    rows = client.get("/admin/notices/")
    assert "Export of “Semua”, CSV : 2 rows" in words(rows)
    assert 'data-waiting="over"' in rows.content.decode()
    done = client.get("/admin/segments/")
    assert "Export of “Semua”, CSV : 2 rows" in words(done)
    assert "data-refresh" not in done.content.decode()
    assert "Export of “Semua”" not in words(client_of("marketing").get("/admin/segments/"))


def test_a_notice_goes_when_the_export_is_looked_at_or_it_is_put_away(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    page = export(client, segment)
    export(client, segment)
    do_work()
    client.get(page)
    [notice] = Notice.objects.filter(seen_at=None)
    answer = client.post(f"/admin/notices/{notice.pk}/seen/", {"back": "/admin/segments/?x=1"})
    assert answer.url == "/admin/segments/?x=1"
    assert "Export of “Semua”, CSV : 2 rows" not in words(client.get("/admin/segments/"))
    assert client.post("/admin/notices/1/seen/", {"back": "https://evil.test/"}).url == "/admin/"


def test_the_page_of_work_shows_what_it_takes_for_seen(client_of: ClientOf, segment: Segment) -> None:
    """Whom a schedule names finds the link of another's export, which is not in the list of one's own work."""
    client = client_of("marketing")
    other = UserFactory(role="marketing", language="en")
    made = repeat(client, segment, recipients=[other.pk])
    client.post(f"{LIST}{made.pk}/run/")
    do_work()
    named = Client()
    named.force_login(other, backend="contacts.access.StaffBackend")
    for reader in (client, named):
        reader.get("/admin/jobs/")
    assert "Export of “Semua”" not in words(client.get("/admin/segments/"))
    shown = named.get("/admin/segments/")
    assert "Export of “Semua”, CSV : 2 rows" in words(shown)
    link = re.search(r'href="(/exports/[^"]+)"', shown.content.decode())
    assert link is not None
    assert Client().get(link[1]).status_code == 200


def test_a_notice_costs_pages_nothing_while_there_is_none(
    client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of("marketing")
    client.get("/admin/exports/")
    with django_assert_max_num_queries(6):
        client.get("/admin/exports/")


def test_a_failed_export_is_told_with_its_reason(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    export(client, segment)
    user = User.objects.get(pk=client.user.pk)  # type: ignore[attr-defined]
    user.groups.clear()
    do_work()
    user.groups.add(*UserFactory(role="marketing").groups.all())
    shown = words(client.get("/admin/segments/"))
    assert "The right to export these rows was taken away in the meantime: no file was made." in shown
