"""Canonical labels and their categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as format_date
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter

from contacts.models import Team
from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin
from desk.labels import label_uses, learned_limits, limit_words
from desk.templatetags.labelcrm import badge, badges, family_badge
from labelcrm.core import audit
from labelcrm.lib.numbers import row_id
from labels.models import Category, Label, LabelAlias, TeamLimit
from labels.rules.naming import normalize
from labels.selectors.label_use import NEVER, with_use
from labels.services import canonical


@admin.register(Category)
class CategoryAdmin(EditingAdmin):
    list_display = ("name", "name_en", "color_shown", "labels_shown", "position")
    search_fields = ("name", "name_en", "code")
    fields = (("name", "name_en"), ("code", "position"), "color")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        living = Count("labels", filter=Q(labels__deleted_at__isnull=True))
        return super().get_queryset(request).annotate(label_count=living)

    @admin.display(description=gettext_lazy("colour"))
    def color_shown(self, category: Category) -> str:
        return family(category)

    @admin.display(description=gettext_lazy("labels"))
    def labels_shown(self, category: Any) -> int:
        return category.label_count

    def create(self, *, actor: Any, **values: Any) -> Category:
        return canonical.create_category(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Category, *, actor: Any, **values: Any) -> Category:
        return canonical.update_category(obj, actor=actor, origin=ORIGIN, **values)


class LabelForm(forms.ModelForm):
    class Meta:
        model = Label
        help_texts: ClassVar[Mapping[str, Any]] = {
            "stale_after_days": gettext_lazy("Empty: never. A team may have a limit of its own, below."),
            "escalate_after_days": gettext_lazy(
                "So many days on the stale list, and it is the lead's, who is told. Empty: never."
            ),
        }
        fields = (
            "name", "name_en", "category", "color", "meaning", "step", "exclusive_group", "high_quality", "low_quality",
            "stale_after_days", "stale_reset_by_inbound", "escalate_after_days", "reviewed",
        )  # fmt: skip

    def clean_name(self) -> str:
        return self._free("name")

    def clean_name_en(self) -> str:
        return self._free("name_en")

    def _free(self, field: str) -> str:
        text = self.cleaned_data[field]
        taken = LabelAlias.objects.filter(normalized=normalize(text), label__deleted_at__isnull=True) if text else None
        other = taken.exclude(label=self.instance.pk).select_related("label").first() if taken is not None else None
        if other:
            raise ValidationError(_("This already is a spelling of the label “%(label)s”.") % {"label": other.label})
        return text


class AliasForm(forms.ModelForm):
    class Meta:
        model = LabelAlias
        fields = ("text",)

    def clean_text(self) -> str:
        """A spelling belongs to one label."""
        text = self.cleaned_data["text"].strip()
        self.instance.normalized = normalize(text)
        other = LabelAlias.objects.filter(normalized=self.instance.normalized).exclude(pk=self.instance.pk)
        if taken := other.select_related("label").first():
            raise ValidationError(_("This already is a spelling of the label “%(label)s”.") % {"label": taken.label})
        return text


class AliasInline(TabularInline):
    model = LabelAlias
    form = AliasForm
    extra = 0
    hide_title = True
    verbose_name_plural = gettext_lazy("Spellings: WhatsApp labels with one of these names mean this label")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TeamLimitInline(TabularInline):
    model = TeamLimit
    extra = 0
    hide_title = True
    verbose_name_plural = gettext_lazy("Other limits of single teams: for labels that came on a number of the team")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        viewer = viewer_of(request.user)
        return super().get_queryset(request).filter(team__in=Team.all_objects.visible_to(viewer)).select_related("team")

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        return Team.objects.visible_to(viewer_of(request.user))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(learned_limits.MAY_CHANGE))

    has_change_permission = has_delete_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("labels.view_label"))


@admin.register(Label)
class LabelAdmin(EditingAdmin, ArchivableAdmin):
    form = LabelForm
    change_form_after_template = "labels/uses.html"
    inlines = (TeamLimitInline, AliasInline)
    list_display = (
        "badge_shown",
        "category",
        "meaning",
        "step",
        "quality",
        "stale_after_days",
        "numbers",
        "active_shown",
        "added_shown",
        "last_used_shown",
    )
    columns_off = ("meaning", "step")
    card = ("badge_shown", "active_shown", "category", "last_used_shown")
    list_filter = (("category", RelatedDropdownFilter), ("reviewed", BooleanRadioFilter))
    list_select_related = ("category",)
    list_per_page = 100
    search_fields = ("name", "name_en", "aliases__text")
    search_help_text = gettext_lazy("Name or spelling")
    fieldsets = (
        (None, {"fields": (("name", "name_en"), ("category", "color"), "reviewed")}),
        (
            gettext_lazy("What it means"),
            {"fields": (("meaning", "step"), ("high_quality", "low_quality"), "exclusive_group")},
        ),
        (
            gettext_lazy("How long it may stay"),
            {
                "fields": (
                    ("stale_after_days", "escalate_after_days"),
                    "stale_reset_by_inbound",
                    "restarts",
                    "learned",
                )
            },
        ),
    )
    readonly_fields = ("learned", "learned_only", "restarts")
    empty_help = gettext_lazy("Labels appear by themselves when a WhatsApp number has one we do not know yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how much each is used where the list is shown: other pages and choices do not ask.

        There `for_all_teams` says whether the reader sees every team.
        """
        rows, viewer = super().get_queryset(request), viewer_of(request.user)
        match = request.resolver_match
        if match is None or match.url_name != "labels_label_changelist":
            return rows.annotate(for_all_teams=Value(viewer.everything))
        return with_use(rows, viewer, today=timezone.localdate())

    @admin.display(description=gettext_lazy("label"), ordering="name")
    def badge_shown(self, label: Label) -> str:
        return badges([badge(label)])

    @admin.display(description=gettext_lazy("quality"))
    def quality(self, label: Label) -> str:
        if label.high_quality:
            return _("high")
        return _("low") if label.low_quality else "–"

    @admin.display(description=gettext_lazy("numbers"), ordering="number_count")
    def numbers(self, label: Any) -> int:
        """How many WhatsApp numbers use it."""
        return label.number_count

    @admin.display(description=gettext_lazy("active now"), ordering="active")
    def active_shown(self, label: Any) -> str:
        """How many contacts have it, with the way to them."""
        url = f"{reverse('admin:contacts_contact_changelist')}?label={label.pk}"
        return format_html('<a class="lc-link" href="{}">{}</a>', url, number_format(label.active, force_grouping=True))

    @admin.display(description=gettext_lazy("added in 30 days"), ordering="added")
    def added_shown(self, label: Any) -> str:
        return number_format(label.added, force_grouping=True)

    @admin.display(description=gettext_lazy("last used"), ordering="last_used")
    def last_used_shown(self, label: Any) -> str:
        """The day on which it was last put on somebody, or found to be on."""
        if label.last_used == NEVER:
            return _("never")
        return format_html('<span class="lc-nowrap">{}</span>', format_date(label.last_used, "DATE_FORMAT"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only read is not offered to change the limit."""
        sets = super().get_fieldsets(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            return sets
        return [*sets[:-1], (sets[-1][0], {"fields": (*sets[-1][1]["fields"][:-1], "learned_only")})]

    @admin.display(description=gettext_lazy("what restarts the clock"))
    def restarts(self, label: Label) -> str:
        return f"{limit_words.restarts(label)} {limit_words.clock()}"

    @admin.display(description=gettext_lazy("how long it usually stays"))
    def learned(self, label: Any) -> str:
        return learned_limits.of_label(label, may_use=True, counted=getattr(label, "for_all_teams", False))

    @admin.display(description=gettext_lazy("how long it usually stays"))
    def learned_only(self, label: Any) -> str:
        return learned_limits.of_label(label, may_use=False, counted=getattr(label, "for_all_teams", False))

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/learned/", wrap(learned_limits.use), name="label-learned"),
            path("<int:pk>/merge/", wrap(label_uses.merge), name="label-merge"),
            path("merges/<int:pk>/undo/", wrap(label_uses.unmerge), name="label-unmerge"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With where the label is used, and what became part of it."""
        label = Label.all_objects.filter(pk=row_id(object_id) or 0).first() if request.method == "GET" else None
        shown = label_uses.context_of(label, request.user) if label and self.has_view_permission(request, label) else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    @admin.action(description=gettext_lazy("Archive"), permissions=["archive"])
    def archive_rows(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Labels that are in use are archived after somebody saw where."""
        living = queryset.filter(deleted_at__isnull=True)
        found = [] if "sure" in request.POST else label_uses.in_use(living, viewer_of(request.user))
        if found:
            return label_uses.confirm_archiving(request, found, living)
        return super().archive_rows(request, queryset)

    def create(self, *, actor: Any, **values: Any) -> Label:
        return canonical.create_label(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Label, *, actor: Any, **values: Any) -> Label:
        return canonical.update_label(obj, actor=actor, origin=ORIGIN, **values)

    def archive(self, obj: Label, *, actor: Any) -> None:
        canonical.archive_label(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Label, *, actor: Any) -> None:
        canonical.restore_label(obj, actor=actor, origin=ORIGIN)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is TeamLimit:
            self._audit_limits(request, form.instance, formset)
            return
        for alias in formset.new_objects:
            audit.record(actor=request.user, action="label.spelling", obj=form.instance, text=alias.text)
        for alias in formset.deleted_objects:
            audit.record(actor=request.user, action="label.spelling_removed", obj=form.instance, text=alias.text)

    def _audit_limits(self, request: HttpRequest, label: Label, formset: Any) -> None:
        """Limits are saved by the formset; what they were and are is in the trail of their label."""
        kept = [*formset.new_objects, *(limit for limit, _fields in formset.changed_objects)]
        for limit in kept:
            audit.record(actor=request.user, action="label.team_limit", obj=label, **_limit(limit))
        for limit in formset.deleted_objects:
            audit.record(actor=request.user, action="label.team_limit_removed", obj=label, **_limit(limit))


def _limit(limit: TeamLimit) -> dict[str, Any]:
    return {"team": limit.team.name, "stale_after_days": limit.stale_after_days}


def family(category: Category) -> str:
    """A category's colour with its name."""
    return family_badge(category.get_color_display(), category.color)
