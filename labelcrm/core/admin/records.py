"""What the system wrote about itself: the audit trail, job runs, heartbeats."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from labelcrm.core.models import AuditEntry, Heartbeat, JobRun

from .base import RecordAdmin
from .filters import DayRangeFilter
from .keyset import KeysetAdminMixin


def pretty(value: Any) -> str:
    """JSON as a person reads it."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)
    return format_html('<pre class="lc-json">{}</pre>', text)


@admin.register(AuditEntry)
class AuditEntryAdmin(KeysetAdminMixin, RecordAdmin):
    list_display = ("at", "actor", "action", "object_type", "object_name")
    list_filter = (("at", DayRangeFilter),)
    list_select_related = ("actor",)
    search_fields = ("action", "object_name", "actor__username")
    search_help_text = _("Action, object or user name")
    fields = ("at", "actor", "action", "object_type", "object_id", "object_name", "details_shown")
    readonly_fields = fields

    @admin.display(description=_("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        return pretty(entry.details)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term)[0], False


@admin.register(JobRun)
class JobRunAdmin(KeysetAdminMixin, RecordAdmin):
    list_display = ("job", "period", "started_at", "finished_at", "ok")
    list_filter = ("ok",)
    search_fields = ("job",)
    fields = ("job", "period", "started_at", "finished_at", "ok", "result_shown")
    readonly_fields = fields

    @admin.display(description=_("result"))
    def result_shown(self, run: JobRun) -> str:
        return pretty(run.result)


@admin.register(Heartbeat)
class HeartbeatAdmin(RecordAdmin):
    list_display = ("name", "at")
    fields = readonly_fields = ("name", "at")
