"""Which time counts for limits: the working hours of the business, and its free days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from desk.base.model_admin import EditingAdmin
from labels.models import FreeDay, StaleClock
from labels.selectors.working_time import public_holidays
from labels.services import staleness


class StaleClockForm(forms.ModelForm):
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Working days"), coerce=int, widget=forms.CheckboxSelectMultiple,
        choices=[(day + 1, name) for day, name in WEEKDAYS.items()],
    )  # fmt: skip

    class Meta:
        model = StaleClock
        fields = ("working_time", "weekdays", "opens", "closes", "public_holidays")
        help_texts: ClassVar[Mapping[str, Any]] = {
            "working_time": gettext_lazy(
                "Off: limits count every day, day and night. On: a limit of 3 days is 3 working days; nights, weekends"
                " and free days are left out."
            ),
            "public_holidays": gettext_lazy(
                "Those of the Moslem calendar to come are estimates; add what differs below."
            ),
        }


@admin.register(StaleClock)
class StaleClockAdmin(EditingAdmin):
    """One row: the list leads to it."""

    form = StaleClockForm
    fields = ("working_time", "weekdays", ("opens", "closes"), "public_holidays", "holidays_shown", "free_days_shown")
    readonly_fields = ("holidays_shown", "free_days_shown")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        row = staleness.clock_row()
        return HttpResponseRedirect(reverse("admin:labels_staleclock_change", args=[row.pk]))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        clock = super().get_object(request, object_id, from_field)
        if clock is not None:
            clock.name_shown = capfirst(str(clock))
        return clock

    @admin.display(description=gettext_lazy("public holidays this year"))
    def holidays_shown(self, clock: StaleClock) -> SafeString:
        today = timezone.localdate()
        return _days(public_holidays(today, today).items())

    @admin.display(description=gettext_lazy("free days of your own"))
    def free_days_shown(self, clock: StaleClock) -> SafeString:
        days = FreeDay.objects.filter(day__year__gte=timezone.localdate().year)
        url = reverse("admin:labels_freeday_changelist")
        return format_html(
            '{} <a class="lc-link" href="{}">{}</a>', _days(days.values_list("day", "name")), url, CHANGE
        )


CHANGE = gettext_lazy("Change free days")


def _days(days: Any) -> SafeString:
    """ "25 Dec 2026 Christmas Day" and so on."""
    return format_html_join(", ", "{} {}", ((format_date(day, "DATE_FORMAT"), name) for day, name in days))


@admin.register(FreeDay)
class FreeDayAdmin(EditingAdmin):
    list_display = ("day", "name")
    card = ("day", "name")
    fields = ("day", "name")
    ordering = ("-day",)
    search_fields = ("name",)
    empty_help = gettext_lazy("Days on which you are closed besides public holidays, such as days off around Lebaran.")
    actions = ("remove_days",)

    @admin.action(description=gettext_lazy("Remove"), permissions=["remove"])
    def remove_days(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            staleness.remove_free_day(row, actor=request.user)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("labels.delete_freeday"))
