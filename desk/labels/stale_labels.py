"""One label that was on a contact beyond its limit, and the list of those that are settled.

What is stale now is listed by contact (`stale_contacts`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from desk.base.filters import VisibleDropdownFilter
from desk.base.keyset import Keyset, KeysetAdminMixin
from desk.base.model_admin import RecordAdmin
from desk.labels import stale_contacts
from desk.templatetags.labelcrm import badge, badges, called, flag, length, moment
from labels.models import StaleFlag

OPEN, CLOSED = "open", "closed"


class StaleStateFilter(DropdownFilter):
    """What is stale now, unless somebody asks for what was."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = ("", gettext_lazy("Stale now"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(CLOSED, gettext_lazy("Settled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(closed_at__isnull=self.value() != CLOSED)


@admin.register(StaleFlag)
class StaleFlagAdmin(KeysetAdminMixin, RecordAdmin):
    keyset = Keyset("flagged_at", "id")
    list_display = ("contact_shown", "label_shown", "age", "limit", "owner", "flagged_shown", "state_shown")
    list_filter = (StaleStateFilter, ("label", VisibleDropdownFilter), ("owner", VisibleDropdownFilter))
    list_select_related = ("contact", "label", "owner", "closed_by")
    fields = readonly_fields = (
        "contact", "label", "owner", "spell_started_at", "clock_started_at", "age", "limit", "flagged_at", "closed_at",
        "closed_reason", "closed_by",
    )  # fmt: skip
    search_fields = ("contact__name", "contact__phone", "contact__username")
    search_help_text = gettext_lazy("Name, phone or username of the contact")
    empty_help = gettext_lazy("Nothing is stale: every label is younger than its limit. Limits are set on each label.")

    def get_urls(self) -> list[Any]:
        act = self.admin_site.admin_view(stale_contacts.act)
        return [path("contact/<int:pk>/", act, name="stale-act"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What is stale now, by contact; what was settled, flag by flag."""
        if request.GET.get("state") == CLOSED:
            return super().changelist_view(request, extra_context)
        return stale_contacts.page(request)

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """The number of what is shown, as `changelist_view` does."""
        return super().count_view(request) if request.GET.get("state") == CLOSED else stale_contacts.count(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(contact__deleted_at__isnull=True)

    @admin.display(description=gettext_lazy("contact"))
    def contact_shown(self, stale: StaleFlag) -> str:
        url = reverse("admin:contacts_contact_change", args=[stale.contact_id])
        return format_html('<a class="lc-link" href="{}">{}</a>', url, called(stale.contact))

    @admin.display(description=gettext_lazy("label"))
    def label_shown(self, stale: StaleFlag) -> str:
        return badges([badge(stale.label)])

    @admin.display(description=gettext_lazy("age"))
    def age(self, stale: StaleFlag) -> str:
        """Since the clock started; a label that was found is at least that old."""
        age = length((stale.closed_at or timezone.now()) - stale.clock_started_at)
        return _("at least %(age)s") % {"age": age} if stale.age_at_least else age

    @admin.display(description=gettext_lazy("limit"))
    def limit(self, stale: StaleFlag) -> str:
        return length(timedelta(days=stale.limit_days))

    @admin.display(description=gettext_lazy("flagged"))
    def flagged_shown(self, stale: StaleFlag) -> str:
        return moment(stale.flagged_at)

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, stale: StaleFlag) -> str:
        if stale.closed_at is None:
            return flag(_("stale"), "warn")
        who = f" · {stale.closed_by}" if stale.closed_by else ""
        return flag(f"{stale.get_closed_reason_display()}{who}", "good")
