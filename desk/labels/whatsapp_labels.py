"""The mapping: what each label of each WhatsApp number means."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import DropdownFilter
from unfold.forms import ActionForm
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from desk.base.filters import AutocompleteFilter, VisibleDropdownFilter
from desk.base.model_admin import StaffAdmin
from desk.templatetags.labelcrm import badge, badges, flag, moment
from labelcrm.core.jobs import UNFINISHED
from labelcrm.core.models import Job
from labelcrm.lib.numbers import row_id
from labels.jobs import remap
from labels.models import ChannelLabel, Label
from labels.services import channel_labels
from labels.services.wording import subject_of

ALWAYS, FROM = "always", "from"
BAR_SELECT = ActionForm.base_fields["action"].widget.attrs["class"]  # as the choice of the action itself looks


class MappingStateFilter(DropdownFilter):
    """What still needs a person first; WhatsApp's own lists only when asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"
    all_option = ("", gettext_lazy("All in use"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("undecided", gettext_lazy("Needs a decision")),
            ("placeholder", gettext_lazy("Name not known yet")),
            ("deleted", gettext_lazy("Deleted in WhatsApp")),
            ("system", gettext_lazy("WhatsApp's own lists")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "system":
            return queryset.filter(hidden=True)
        rows = queryset.filter(hidden=False)
        if self.value() == "deleted":
            return rows.filter(deleted_at__isnull=False)
        rows = rows.filter(deleted_at__isnull=True)
        if self.value() == "undecided":
            return rows.filter(label__reviewed=False)
        return rows.filter(is_placeholder=True) if self.value() == "placeholder" else rows


class MappingForm(forms.ModelForm):
    """What a person may say about a WhatsApp label: its meaning, and its name while WhatsApp does not tell it."""

    means: Any = forms.ModelChoiceField(
        label=gettext_lazy("Means"), queryset=Label.objects.none(), widget=UnfoldAdminSelectWidget
    )
    holds = forms.ChoiceField(
        label=gettext_lazy("Since when"),
        choices=[
            (ALWAYS, gettext_lazy("It always meant this")),
            (FROM, gettext_lazy("Only from this day on; what was before stays")),
        ],
        initial=ALWAYS,
        widget=UnfoldAdminRadioSelectWidget,
    )
    since = forms.DateField(label=gettext_lazy("Day"), required=False, widget=UnfoldAdminSingleDateWidget)
    called = forms.CharField(
        label=gettext_lazy("Its name"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("WhatsApp has not told the name yet. A name it tells later wins over yours."),
    )

    class Meta:
        model = ChannelLabel
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        means: Any = self.fields.get("means")
        if means is not None:
            means.queryset = Label.objects.all()
            self.initial["means"] = self.instance.label_id

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("holds") == FROM and not cleaned.get("since") and not self.errors.get("since"):
            self.add_error("since", _("Say from which day on."))
        return cleaned

    def since_moment(self) -> datetime | None:
        """None for "always"."""
        return midnight(self.cleaned_data["since"]) if self.cleaned_data["holds"] == FROM else None


class RemapForm(ActionForm):
    """The fields beside "Run": one meaning for all chosen rows."""

    means: Any = forms.ModelChoiceField(
        label="",
        required=False,
        queryset=Label.objects.none(),
        empty_label=gettext_lazy("… means which label?"),
        widget=UnfoldAdminSelectWidget(attrs={"class": BAR_SELECT}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        means: Any = self.fields["means"]
        means.queryset = Label.objects.all()
        means.widget.attrs["aria-label"] = _("Label")


@admin.register(ChannelLabel)
class ChannelLabelAdmin(StaffAdmin):
    form = MappingForm
    action_form = RemapForm
    actions = ("remap_rows",)
    list_display = ("whatsapp_name", "channel", "means_shown", "state_shown", "external_id", "generation", "first_seen")
    list_filter = (MappingStateFilter, ("channel", VisibleDropdownFilter), ("label", AutocompleteFilter))
    list_select_related = ("channel", "label")
    list_per_page = 100
    search_fields = ("name", "label__name", "label__name_en")
    search_help_text = gettext_lazy("Name in WhatsApp or label")
    ordering = ("label__reviewed", "channel__name", "name", "id")
    fieldsets = (
        (None, {"fields": (("whatsapp_name", "channel"), ("state_shown", "first_seen_at"), "meanings_shown")}),
        (gettext_lazy("What it means"), {"fields": ("means", "holds", "since")}),
    )
    readonly_fields = ("whatsapp_name", "channel", "state_shown", "first_seen_at", "meanings_shown")
    empty_help = gettext_lazy(
        "Every label of every connected WhatsApp number appears here as soon as its number tells us of it."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        subject = Concat(Value(subject_of("")), Cast(OuterRef("pk"), CharField()))
        at_work = Exists(Job.objects.filter(subject=subject, state__in=UNFINISHED))
        return super().get_queryset(request).select_related("channel", "label").annotate(at_work=at_work)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # only WhatsApp makes these

    # -- Columns --------------------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("label in WhatsApp"), ordering="name")
    def whatsapp_name(self, row: ChannelLabel) -> str:
        return badges([badge(row)])

    @admin.display(description=gettext_lazy("means"), ordering="label__name")
    def means_shown(self, row: ChannelLabel) -> str:
        return badges([badge(row.label)])

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, row: Any) -> str:
        if row.at_work:
            return flag(_("is given another meaning"), "warn")
        if row.deleted_at:
            return flag(_("deleted in WhatsApp"))
        if row.hidden:
            return flag(_("WhatsApp's own list"))
        if row.is_placeholder:
            return flag(_("name not known yet"), "warn")
        return flag(_("in order"), "good") if row.label.reviewed else flag(_("needs a decision"), "warn")

    @admin.display(description=gettext_lazy("first seen"), ordering="first_seen_at")
    def first_seen(self, row: ChannelLabel) -> str:
        return moment(row.first_seen_at)

    @admin.display(description=gettext_lazy("meanings so far"))
    def meanings_shown(self, row: ChannelLabel) -> str:
        meanings = row.meanings.select_related("label", "decided_by")
        return render_to_string("admin/labels/meanings.html", {"meanings": meanings})

    # -- Saying what it means ---------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if not self.has_change_permission(request, obj):
            return self.fieldsets[:1]
        if obj is not None and obj.is_placeholder:
            return (*self.fieldsets, (gettext_lazy("What it is called"), {"fields": ("called",)}))
        return self.fieldsets

    def save_model(self, request: HttpRequest, obj: ChannelLabel, form: MappingForm, change: bool) -> None:
        if form.cleaned_data.get("called"):
            channel_labels.name_placeholder(channel_label=obj, name=form.cleaned_data["called"], actor=request.user)
        label = form.cleaned_data["means"]
        if label.pk != obj.label_id or form.cleaned_data["holds"] == FROM or "holds" in form.changed_data:
            remap(channel_label=obj, label=label, since=form.since_moment(), actor=request.user)
            self.message_user(request, _at_work_note(1, label), messages.INFO)

    @admin.action(description=gettext_lazy("These always meant …"), permissions=["change"])
    def remap_rows(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = row_id(request.POST.get("means"))
        label = Label.objects.filter(pk=chosen).first() if chosen else None
        if label is None:
            self.message_user(request, _("Choose the label beside the action first."), messages.ERROR)
            return
        rows = list(queryset)
        for row in rows:
            remap(channel_label=row, label=label, since=None, actor=request.user)
        self.message_user(request, _at_work_note(len(rows), label), messages.INFO)


def _at_work_note(rows: int, label: Label) -> str:
    sentence = ngettext(
        "%(n)d WhatsApp label is given the meaning “%(label)s”, and everybody who ever had it is restated. “Work” in "
        "the menu says how far that is.",
        "%(n)d WhatsApp labels are given the meaning “%(label)s”, and everybody who ever had one is restated. “Work” "
        "in the menu says how far that is.",
        rows,
    )
    return sentence % {"n": rows, "label": label}


def midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
