"""What exports left that came to nothing is deleted after a day; what left the house stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import Job, JobFile
from tests.api.story import Story
from tests.factories import TeamFactory
from tests.transfer.test_segment_exports import EVERYBODY, Market, steps
from tests.work import do_work
from transfer import exports
from transfer.forgetting import forget_unfinished
from transfer.models import Export, ExportedPerson

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(db: None, monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setattr(exports, "CHUNK", 2)
    market = Market(Story(team=TeamFactory(name="Sales")))
    for n in range(4):
        market.story.contact(name=f"Budi {n}")
    return market


def ended(market: Market, state: str, *, hours: int) -> Export:
    """An export that ended so, with a piece of its file written."""
    export = market.start(market.segment(EVERYBODY))
    steps(export, 2)
    Job.objects.filter(pk=export.job_id).update(state=state, finished_at=timezone.now() - timedelta(hours=hours))
    return export


@pytest.mark.parametrize("state", [Job.State.FAILED, Job.State.CANCELLED])
def test_snapshot_and_file_of_what_came_to_nothing_go_after_a_day(market: Market, state: str) -> None:
    dead, fresh = ended(market, state, hours=25), ended(market, state, hours=23)
    running, done = market.start(market.segment(EVERYBODY)), market.export(market.segment(EVERYBODY))
    parts = JobFile.objects.filter(job=dead.job_id).count()
    assert forget_unfinished() == {"people": 4, "file_parts": parts}
    left = set(ExportedPerson.objects.values_list("export_id", flat=True))
    assert left == {fresh.pk, running.pk, done.pk}
    assert not JobFile.objects.filter(job=dead.job_id).exists()
    dead.refresh_from_db()
    assert (dead.matched, dead.state) == (4, state)
    assert forget_unfinished() == {"people": 0, "file_parts": 0}


def test_what_outlived_its_job_without_being_done_is_deleted_too(market: Market) -> None:
    export = ended(market, Job.State.FAILED, hours=1)
    Job.objects.all().delete()
    forget_unfinished()
    assert not ExportedPerson.objects.filter(export=export).exists()


def test_an_export_that_is_tried_again_after_that_is_made_anew(market: Market) -> None:
    export = ended(market, Job.State.FAILED, hours=25)
    forget_unfinished()
    job = Job.objects.get(pk=export.job_id)
    core_jobs.retry(job, actor=market.user)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.error, job.result["rows"]) == (Job.State.DONE, "", 4)
