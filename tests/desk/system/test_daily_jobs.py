"""Daily jobs that ran, as the page "Job runs" lists them."""

from __future__ import annotations

import pytest
from celery import current_app

from desk.system.records import DAILY_JOBS
from labelcrm.core.models import JobRun
from labelcrm.schedule import JOBS

pytestmark = pytest.mark.django_db


def test_every_daily_job_is_called_by_what_it_does() -> None:
    current_app.loader.import_default_modules()
    for job in JOBS:
        current_app.tasks[job.task].run()
    ran = set(JobRun.objects.values_list("job", flat=True))
    assert ran
    assert ran <= DAILY_JOBS.keys()
