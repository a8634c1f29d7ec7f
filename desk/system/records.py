"""What the system wrote about itself: the audit trail, job runs, heartbeats."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils.dateparse import parse_date
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from contacts.selectors.viewing import viewer_of
from desk.base import history
from desk.base.filters import DayRangeFilter
from desk.base.keyset import KeysetAdminMixin, KeysetChangeList
from desk.base.model_admin import RecordAdmin
from desk.templatetags.labelcrm import moment, phone, short
from labelcrm.core.models import AuditEntry, Heartbeat, JobRun
from labelcrm.lib.numbers import row_id


def pretty(value: Any) -> str:
    """JSON as a person reads it."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)
    return format_html('<pre class="lc-json" tabindex="0">{}</pre>', text)


# What the jobs of a day do, for who reads that they ran (labelcrm/schedule.py).
DAILY_JOBS = {
    "check-projections": _("Check every interval and figure against the events"),
    "flag-stale": _("Look for stale labels"),
    "flag-contradictions": _("Look for labels that contradict each other"),
    "forget-old-briefs": _("Forget old morning briefs"),
    "forget-old-jobs": _("Forget old work and its files"),
    "forget-unfinished-exports": _("Forget exports that nobody finished"),
    "collect-conversions": _("Look for conversions among all who came by an ad"),
    "draw-second-looks": _("Draw samples for a second look"),
    "learn-limits": _("Learn how long labels usually stay"),
    "train-suggestions": _("Learn label suggestions from labelled chats"),
}


class AuditChangeList(KeysetChangeList):
    """Says what the objects of a page are called, with the rights of who looks."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        history.name_objects(self.result_list, viewer=viewer_of(request.user))


@admin.register(AuditEntry)
class AuditEntryAdmin(KeysetAdminMixin, RecordAdmin):
    list_display = ("at_shown", "actor", "action_shown", "thing", "object_shown")
    card = ("action_shown", "at_shown", "object_shown", "actor")
    empty_help = _("Every change that people or the system make here is written down by itself: who, what and when.")
    list_filter = (("at", DayRangeFilter),)
    list_select_related = ("actor",)
    search_fields = ("action", "object_name", "actor__username")
    search_help_text = _("Action, id or name of the object, or user name; of a contact the id")
    fields = ("at", "actor", "action_shown", "action", "thing", "object_id", "object_shown", "details_shown")
    readonly_fields = fields

    @admin.display(description=_("time"))
    def at_shown(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("what was done"))
    def action_shown(self, entry: AuditEntry) -> str:
        return history.action_name(entry)

    @admin.display(description=_("object type"))
    def thing(self, entry: AuditEntry) -> str:
        try:
            return str(apps.get_model(entry.object_type)._meta.verbose_name) if entry.object_type else "–"
        except (LookupError, ValueError):
            return entry.object_type

    @admin.display(description=_("object"))
    def object_shown(self, entry: AuditEntry) -> str:
        return phone(getattr(entry, "object_shown", entry.object_name)) or "–"

    @admin.display(description=_("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        return pretty(entry.details)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found = super().get_search_results(request, queryset, search_term)[0]
        pk = row_id(search_term.strip())
        return (found | queryset.filter(object_id=pk) if pk else found), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return AuditChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        entry = super().get_object(request, object_id, from_field)
        history.name_objects(filter(None, [entry]), viewer=viewer_of(request.user))
        if entry is not None:
            done = " ".join(filter(None, [self.action_shown(entry), phone(entry.object_name)]))
            entry.name_shown = f"{capfirst(done)}, {short(entry.at)}"
        return entry


@admin.register(JobRun)
class JobRunAdmin(KeysetAdminMixin, RecordAdmin):
    list_display = ("job_shown", "period_shown", "started_at", "finished_at", "ok")
    card = ("job_shown", "period_shown", "started_at", "ok")
    empty_help = _("Daily jobs, such as looking for stale labels, are listed here once they have run.")
    list_filter = ("ok",)
    search_fields = ("job",)
    fields = ("job_shown", "period_shown", "started_at", "finished_at", "ok", "result_shown")
    readonly_fields = fields

    @admin.display(description=_("daily job"), ordering="job")
    def job_shown(self, run: JobRun) -> str:
        return str(DAILY_JOBS.get(run.job, run.job))

    @admin.display(description=_("period"), ordering="period")
    def period_shown(self, run: JobRun) -> str:
        """The day of a daily job; the period of any other as it is."""
        day = parse_date(run.period)
        return format_date(day, "DATE_FORMAT") if day else run.period

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        run = super().get_object(request, object_id, from_field)
        if run is not None:
            run.name_shown = f"{self.job_shown(run)}, {self.period_shown(run)}"
        return run

    @admin.display(description=_("result"))
    def result_shown(self, run: JobRun) -> str:
        return pretty(run.result)


@admin.register(Heartbeat)
class HeartbeatAdmin(RecordAdmin):
    list_display = ("name", "at")
    fields = readonly_fields = ("name", "at")
