"""An import of contacts with labels by real workers that are killed in its middle: as if nothing was."""

from __future__ import annotations

import pytest
from django.utils import translation

from contacts.models import Contact
from labelcrm.core.models import AuditEntry, Job, JobFile
from labels.models import LabelAssignment, LabelEvent
from labels.services.rebuilding import rebuild
from tests.factories import ContactFactory, UserFactory
from tests.live.system import wait_until
from tests.live.test_long_work import Workers, a_minute_passes, in_the_middle_of_a_step, wait_for, workers
from transfer import jobs

__all__ = ["workers"]
pytestmark = pytest.mark.django_db(transaction=True)
ROWS, KNOWN = 7500, 20  # with labels a step writes 2,500


def test_an_import_with_labels_goes_on_after_kill_9_and_writes_no_row_twice(workers: Workers) -> None:
    for n in range(0, ROWS, ROWS // KNOWN):
        ContactFactory(phone=f"+62813{n:08d}", name="Lama")
    rows = "".join(f"62813{n:08d},Budi {n},{'Grade A; Prospek panas' if n % 2 else 'Grade A'}\n" for n in range(ROWS))
    with translation.override("en"):
        job = jobs.import_contacts(
            f"phone,name,labels\n{rows}abc,Salah,\n".encode(), owner=UserFactory(role="marketing")
        )
    with in_the_middle_of_a_step() as wait_for_so_many:
        workers.start(drains=False)
        wait_until(lambda: Job.objects.get(pk=job.pk).cursor != {}, seconds=60, what="the file is read")
        wait_for_so_many(1)
        workers.kill()
    job.refresh_from_db()
    assert (job.state, job.progress) == ("running", 0), "what the dead had begun counts for nothing"
    assert Contact.objects.count() == KNOWN
    assert not LabelEvent.objects.exists()

    workers.start(drains=False)
    a_minute_passes(job)
    wait_for(job, lambda job: job.progress > 0, "another worker begins again")
    workers.kill()
    job.refresh_from_db()
    written = job.progress
    assert Contact.objects.filter(name__startswith="Budi").count() == min(written, ROWS), "whole steps and nothing else"

    workers.start(drains=False)
    a_minute_passes(job)
    wait_for(job, lambda job: job.is_finished, "the import is done")
    assert (job.state, job.error) == ("done", "")
    assert job.result == {
        "created": ROWS - KNOWN, "changed": KNOWN, "unchanged": 0, "failed": 1, "nothing": False,
    }  # fmt: skip
    assert set(Contact.objects.values_list("name", flat=True)) == {f"Budi {n}" for n in range(ROWS)}
    on = LabelAssignment.objects.filter(removed_at=None)
    assert on.count() == LabelEvent.objects.count() == ROWS + ROWS // 2
    assert AuditEntry.objects.filter(action="contact.created").count() == ROWS - KNOWN
    assert AuditEntry.objects.filter(action="contacts.imported").count() == 1
    assert set(JobFile.objects.values_list("name", flat=True)) == {"changes", "problems"}
    assert rebuild(write=False) == 0
