"""Whether an export was cancelled stays known when its job is forgotten.

A column that may be empty: no table is rewritten. What was cancelled in the last 90 days learns it from its job.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def learn_from_jobs(apps: Any, schema_editor: Any) -> None:
    job = apps.get_model("core", "Job").objects.filter(pk=OuterRef("job_id"))
    cancelled = apps.get_model("transfer", "Export").objects.filter(job__state="cancelled", finished_at=None)
    cancelled.update(cancelled_at=Subquery(job.values("finished_at")))


class Migration(migrations.Migration):
    dependencies = [("transfer", "0006_briefs")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="cancelled_at",
            field=models.DateTimeField(null=True, verbose_name="cancelled at"),
        ),
        migrations.RunPython(learn_from_jobs, migrations.RunPython.noop),
    ]
