"""The rules for contradictions, and the history of what they found: what waits, and who settled which how.

What contradicts now is listed by `desk.reports.contradictions`, which also settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from contacts.selectors.viewing import viewer_of
from desk.base.filters import VisibleDropdownFilter
from desk.base.keyset import Keyset, KeysetAdminMixin
from desk.base.model_admin import ORIGIN, EditingAdmin, RecordAdmin
from desk.templatetags.labelcrm import badge, badges, called, flag, moment
from labels.models import ContradictionFlag, ContradictionRule, Label
from labels.services import contradictions

WAITING, SETTLED = "waiting", "closed"
PAGES = {
    "contradictions": gettext_lazy("page of contradictions"),
    "today": gettext_lazy("Today"),
}


class RuleForPairForm(forms.ModelForm):
    class Meta:
        model = ContradictionRule
        fields = ("name", "name_en", "label", "other", "active", "position")
        help_texts: ClassVar[Mapping[str, Any]] = {
            "name": gettext_lazy("Empty: the two labels."),
            "active": gettext_lazy(
                "Switched off, it finds nothing: on the list, in reports, in segments and in the column of CS quality."
            ),
        }


@admin.register(ContradictionRule)
class ContradictionRuleAdmin(EditingAdmin):
    form = RuleForPairForm
    list_display = ("name_shown", "about_shown", "open_shown", "active_shown")
    card = ("name_shown", "active_shown", "about_shown", "open_shown")
    list_select_related = ("label", "other")
    autocomplete_fields = ("label", "other")
    ordering = ("position", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many contacts the reader sees wait for each rule."""
        seen = ContradictionFlag.objects.visible_to(viewer_of(request.user))
        waiting = Count("flags", filter=Q(flags__closed_at__isnull=True, flags__in=seen))
        return super().get_queryset(request).annotate(open_flags=waiting)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The labels of a pair are chosen; what the other rules are about is set on each label."""
        if obj is None or obj.kind == ContradictionRule.Kind.PAIR:
            return (("label", "other"), ("name", "name_en"), ("active", "position"))
        return ("about_shown", ("name", "name_en"), ("active", "position"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None or obj.kind == ContradictionRule.Kind.PAIR else ("about_shown",)

    @admin.display(description=gettext_lazy("rule"))
    def name_shown(self, rule: ContradictionRule) -> str:
        return str(rule)

    @admin.display(description=gettext_lazy("what it is about"))
    def about_shown(self, rule: ContradictionRule) -> str:
        """The labels of a pair; of every other rule where its labels are set."""
        if rule.label is not None and rule.other is not None:
            return badges([badge(rule.label), badge(rule.other)])
        return str(ABOUT[ContradictionRule.Kind(rule.kind)])

    @admin.display(description=gettext_lazy("open"))
    def open_shown(self, rule: Any) -> str:
        return number_format(rule.open_flags, force_grouping=True)

    @admin.display(description=gettext_lazy("state"))
    def active_shown(self, rule: ContradictionRule) -> str:
        return flag(_("in use"), "good") if rule.active else flag(_("switched off"))

    def create(self, *, actor: Any, **values: Any) -> ContradictionRule:
        return contradictions.create_rule(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: ContradictionRule, *, actor: Any, **values: Any) -> ContradictionRule:
        return contradictions.update_rule(obj, actor=actor, origin=ORIGIN, **values)


ABOUT = {
    ContradictionRule.Kind.OLDER: gettext_lazy(
        "A prospect or a waiting label that is older than a label for “done”. What a label means is set on the label."
    ),
    ContradictionRule.Kind.EXCLUSIVE: gettext_lazy(
        "Two labels of one exclusive group. Which group a label is of is set on the label."
    ),
    ContradictionRule.Kind.LOYAL_NEW: gettext_lazy("A loyal customer who is a new inquiry."),
    ContradictionRule.Kind.COLOR: gettext_lazy(
        "A WhatsApp label in the colour of another category. The colours are those of the categories."
    ),
}


class ContradictionStateFilter(DropdownFilter):
    """What was settled, unless somebody asks for what waits for WhatsApp."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = ("", gettext_lazy("Settled"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(WAITING, gettext_lazy("Waiting for WhatsApp"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == WAITING:
            return queryset.filter(closed_at__isnull=True, awaited__isnull=False)
        return queryset.filter(closed_at__isnull=False)


class ClosedBecauseFilter(DropdownFilter):
    title = gettext_lazy("closed because")
    parameter_name = "because"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ContradictionFlag.Closed.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(closed_reason=value) if value in ContradictionFlag.Closed.values else queryset


@admin.register(ContradictionFlag)
class ContradictionFlagAdmin(KeysetAdminMixin, RecordAdmin):
    keyset = Keyset("flagged_at", "id")
    list_display = ("contact_shown", "labels_shown", "rule", "owner", "flagged_shown", "state_shown", "how_shown")
    card = ("contact_shown", "state_shown", "labels_shown", "how_shown")
    list_filter = (ContradictionStateFilter, ClosedBecauseFilter, ("owner", VisibleDropdownFilter))
    list_select_related = (
        "contact",
        "rule",
        "rule__label",
        "rule__other",
        "owner",
        "closed_by",
        "taken_off",
        "awaited",
    )
    fields = readonly_fields = (
        "contact", "rule", "group", "labels_shown", "owner", "since", "flagged_at", "awaited", "awaited_at",
        "awaited_by", "closed_at", "closed_reason", "closed_by", "how_shown", "remark",
    )  # fmt: skip
    search_fields = ("contact__name", "contact__phone", "contact__username")
    search_help_text = gettext_lazy("Name, phone or username of the contact")
    empty_help = gettext_lazy("What was settled stands here: which labels, who, when and how.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(contact__deleted_at__isnull=True)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the labels of the page, looked up once."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        names = Label.all_objects.in_bulk({pk for row in rows for pk in row.labels})
        for row in rows:
            row.named_labels = [names[pk] for pk in row.labels if pk in names]
        changelist.result_list = rows
        return changelist

    @admin.display(description=gettext_lazy("contact"))
    def contact_shown(self, found: ContradictionFlag) -> str:
        url = reverse("admin:contacts_contact_page", args=[found.contact_id])
        return format_html('<a class="lc-link" href="{}">{}</a>', url, called(found.contact))

    @admin.display(description=gettext_lazy("labels"))
    def labels_shown(self, found: Any) -> str:
        named = getattr(found, "named_labels", None)
        rows = named if named is not None else Label.all_objects.filter(pk__in=found.labels)
        return badges([badge(label) for label in rows])

    @admin.display(description=gettext_lazy("flagged"))
    def flagged_shown(self, found: ContradictionFlag) -> str:
        return moment(found.flagged_at)

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, found: ContradictionFlag) -> str:
        if found.closed_at is None:
            return flag(_("waiting for “%(label)s”") % {"label": found.awaited}, "warn")
        return flag(str(found.get_closed_reason_display()), "good")

    @admin.display(description=gettext_lazy("who, when and how"))
    def how_shown(self, found: ContradictionFlag) -> str:
        """ "“Hot” went · Rina · yesterday · page of contradictions · two orders" """
        told: list[Any] = [
            _("“%(label)s” went") % {"label": found.taken_off} if found.taken_off else "",
            found.closed_by,
        ]
        told += [moment(found.closed_at) if found.closed_at else "", PAGES.get(found.closed_through, "")]
        return " · ".join(str(each) for each in (*told, found.remark) if each) or "–"
