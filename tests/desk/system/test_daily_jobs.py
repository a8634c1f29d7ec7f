"""Daily jobs that ran, as the page "Job runs" lists them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from celery import current_app
from django.test import Client

from desk.system.records import DAILY_JOBS
from labelcrm.core import audit
from labelcrm.core.models import AuditEntry, JobRun
from labelcrm.schedule import JOBS
from tests.factories import THEN

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


def test_every_daily_job_is_called_by_what_it_does() -> None:
    current_app.loader.import_default_modules()
    for job in JOBS:
        current_app.tasks[job.task].run()
    ran = set(JobRun.objects.values_list("job", flat=True))
    assert ran
    assert ran <= DAILY_JOBS.keys()


@pytest.mark.parametrize(
    ("language", "called"), [("id", "Cari label kedaluwarsa, 2 Mar 2026"), ("en", "Look for stale labels, 2 Mar 2026")]
)
def test_a_run_is_called_by_its_job_and_its_day(client_of: ClientOf, language: str, called: str) -> None:
    run = JobRun.objects.create(job="flag-stale", period="2026-03-02", started_at=THEN)
    client = client_of("root", language=language)
    for page in (f"/admin/core/jobrun/{run.pk}/change/", f"/admin/core/jobrun/{run.pk}/history/"):
        html = client.get(page).content.decode()
        assert called in html
        assert "flag-stale" not in html
        assert "2026-03-02" not in html.replace("/2026-03-02", "")
    assert "2 Mar 2026" in client.get("/admin/core/jobrun/").content.decode()


def test_an_entry_of_the_audit_trail_is_called_by_what_was_done(client_of: ClientOf) -> None:
    audit.record(actor=None, action="segments.exported", obj=None)
    entry = AuditEntry.objects.get()
    html = client_of("root").get(f"/admin/core/auditentry/{entry.pk}/change/").content.decode()
    assert re.search(r"<title>\s*Exported, \d+ \w+, \d\d:\d\d \| labelcrm", html)
