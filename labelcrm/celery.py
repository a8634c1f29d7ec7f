"""The Celery application. Beat's table of jobs is `labelcrm.schedule`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")

app = Celery("labelcrm")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Read under this bare name by Celery's Django fix-up, not under the prefix.
app.conf["CELERY_DB_REUSE_MAX"] = 10_000
app.autodiscover_tasks()
