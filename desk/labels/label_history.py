"""The records themselves, for who checks a case or exports them: labels on contacts (intervals) and label events."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from desk.base.filters import AutocompleteFilter, DayRangeFilter, VisibleDropdownFilter
from desk.base.keyset import KeysetAdminMixin, KeysetChangeList
from desk.base.model_admin import RecordAdmin
from desk.contacts.contacts import page_url
from desk.contacts.search import find
from desk.exports.record_asking import RecordExportMixin
from desk.templatetags.labelcrm import badge, badges, called, flag, moment, person, whatsapp_label
from labels.models import Effect, LabelAssignment, LabelEvent
from transfer.label_records import SOURCES
from transfer.models import ExportKind

ON, ENDED = "on", "ended"


class HistoryChangeList(KeysetChangeList):
    """A row leads to its contact."""

    row_leads_back = False  # the page of a contact goes back to no list

    def url_for_result(self, result: Any) -> str:
        return page_url(result.contact_id)


class OnNowFilter(DropdownFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = ("", gettext_lazy("All"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(ON, gettext_lazy("On now")), (ENDED, gettext_lazy("Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(removed_at__isnull=self.value() == ON) if self.value() in (ON, ENDED) else queryset


class LabelHistoryAdmin(RecordExportMixin, KeysetAdminMixin, RecordAdmin):
    """What the lists of both kinds share."""

    change_list_class = HistoryChangeList
    search_fields = ("contact__name",)  # that there is a search; what it finds is what the list of contacts finds
    search_help_text = gettext_lazy("Name, phone or username of the contact")

    def _rows(self) -> QuerySet[Any]:
        return SOURCES[self.export_kind].rows()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        contacts = find(Contact.all_objects.visible_to(viewer_of(request.user)), search_term)
        return queryset.filter(contact__in=contacts.order_by().values("pk")), False

    @admin.display(description=gettext_lazy("contact"))
    def contact_shown(self, row: Any) -> str:
        return called(row.contact)


@admin.register(LabelAssignment)
class LabelAssignmentAdmin(LabelHistoryAdmin):
    export_kind = ExportKind.INTERVALS
    list_display = ("contact_shown", "label_shown", "channel", "added_shown", "added_by_shown", "how", "removed_shown",
                    "removed_by_shown")  # fmt: skip
    card = ("contact_shown", "label_shown", "added_shown", "removed_shown")
    list_filter = (
        OnNowFilter,
        ("label", VisibleDropdownFilter),
        ("channel", VisibleDropdownFilter),
        ("added_by", AutocompleteFilter),
        ("added_by_method", ChoicesDropdownFilter),
        ("origin", ChoicesDropdownFilter),
        ("added_at", DayRangeFilter),
        ("removed_at", DayRangeFilter),
    )
    quick_filters = ("state",)
    list_select_related = (
        "contact", "label", "channel", "added_by", "added_by_user", "removed_by", "removed_by_user",
    )  # fmt: skip
    fields = readonly_fields = (
        "contact", "label", "channel", "channel_label_name", "added_at", "added_at_source", "added_by", "added_by_user",
        "added_by_method", "origin", "removed_at", "removed_by", "removed_by_user", "removed_reason", "updated_at",
    )  # fmt: skip
    empty_help = gettext_lazy("From the first label that a number puts on a chat, every interval of it is listed here.")

    @admin.display(description=gettext_lazy("label"))
    def label_shown(self, row: LabelAssignment) -> str:
        return badges([badge(row, ended=not row.is_active)])

    @admin.display(description=gettext_lazy("put on"))
    def added_shown(self, row: LabelAssignment) -> str:
        return moment(row.added_at)

    @admin.display(description=gettext_lazy("by"))
    def added_by_shown(self, row: LabelAssignment) -> str:
        return str(row.added_by or person(row.added_by_user) or "–")

    @admin.display(description=gettext_lazy("how we know"))
    def how(self, row: LabelAssignment) -> str:
        return row.get_added_by_method_display()

    @admin.display(description=gettext_lazy("taken off"))
    def removed_shown(self, row: LabelAssignment) -> str:
        return flag(_("on now"), "good") if row.removed_at is None else moment(row.removed_at)

    @admin.display(description=gettext_lazy("taken off by"))
    def removed_by_shown(self, row: LabelAssignment) -> str:
        return str(row.removed_by or person(row.removed_by_user) or "–")


@admin.register(LabelEvent)
class LabelEventAdmin(LabelHistoryAdmin):
    export_kind = ExportKind.EVENTS
    list_display = ("contact_shown", "kind_shown", "label_shown", "channel", "occurred_shown", "source", "actor",
                    "origin", "effect_shown")  # fmt: skip
    card = ("contact_shown", "kind_shown", "label_shown", "occurred_shown")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("channel", VisibleDropdownFilter),
        ("effect", ChoicesDropdownFilter),
        ("actor_agent", AutocompleteFilter),
        ("origin", ChoicesDropdownFilter),
        ("occurred_at_source", ChoicesDropdownFilter),
        ("occurred_at", DayRangeFilter),
        ("received_at", DayRangeFilter),
    )
    list_select_related = ("contact", "channel", "channel_label", "actor_agent", "actor_user")
    fields = readonly_fields = (
        "contact", "kind", "channel", "channel_label", "occurred_at", "occurred_at_source", "capped", "received_at",
        "actor_agent", "actor_user", "actor_method", "origin", "effect",
    )  # fmt: skip
    empty_help = gettext_lazy("Every label that is put on or taken off is listed here as it was told.")

    @admin.display(description=gettext_lazy("kind"))
    def kind_shown(self, event: LabelEvent) -> str:
        return flag(event.get_kind_display(), "good" if event.kind == LabelEvent.Kind.ADD else "")

    @admin.display(description=gettext_lazy("WhatsApp label"))
    def label_shown(self, event: LabelEvent) -> str:
        return whatsapp_label(event.channel_label)

    @admin.display(description=gettext_lazy("time"))
    def occurred_shown(self, event: LabelEvent) -> str:
        return moment(event.occurred_at)

    @admin.display(description=gettext_lazy("source of the time"))
    def source(self, event: LabelEvent) -> str:
        return event.get_occurred_at_source_display()

    @admin.display(description=gettext_lazy("by"))
    def actor(self, event: LabelEvent) -> str:
        return str(event.actor_agent or person(event.actor_user) or "–")

    @admin.display(description=gettext_lazy("effect"))
    def effect_shown(self, event: LabelEvent) -> str:
        return flag(event.get_effect_display(), "" if event.effect == Effect.NONE else "good")
