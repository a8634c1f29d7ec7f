"""One WhatsApp label of one number: what it meant so far, and what it means since a day. The list is `mapping`."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from contacts.selectors.viewing import viewer_of
from desk.base.days import DayField
from desk.base.model_admin import StaffAdmin
from desk.labels import mapping
from desk.templatetags.labelcrm import flag, whatsapp_label
from labels.jobs import remap
from labels.models import ChannelLabel, Label
from labels.selectors.mapping import channel_labels as visible_rows
from labels.services import channel_labels

ALWAYS, FROM = "always", "from"


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
    since = DayField(label=gettext_lazy("Day"), required=False)
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


@admin.register(ChannelLabel)
class ChannelLabelAdmin(StaffAdmin):
    form = MappingForm
    search_fields = ("name", "label__name", "label__name_en")
    fieldsets = (
        (None, {"fields": (("whatsapp_name", "channel"), ("state_shown", "first_seen_at"), "meanings_shown")}),
        (gettext_lazy("What it means"), {"fields": ("means", "holds", "since")}),
    )
    readonly_fields = ("whatsapp_name", "channel", "state_shown", "first_seen_at", "meanings_shown")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible_rows(viewer_of(request.user))

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("sort/", wrap(mapping.sort), name="mapping-sort"),
            path("accept/", wrap(mapping.accept), name="mapping-accept"),
            path("undo/", wrap(mapping.undo), name="mapping-undo"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return mapping.page(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # only WhatsApp makes these

    # -- What is so -------------------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("label in WhatsApp"))
    def whatsapp_name(self, row: ChannelLabel) -> str:
        return whatsapp_label(row)

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, row: Any) -> str:
        if row.at_work:
            return flag(_("is given another meaning"), "warn")
        if row.deleted_at:
            return flag(_("deleted in WhatsApp"))
        if row.ignored:
            return flag(_("not counted"))
        if row.hidden:
            return flag(_("WhatsApp's own list"))
        if row.is_placeholder:
            return flag(_("name not known yet"), "warn")
        return flag(_("in order"), "good") if row.label.reviewed else flag(_("needs a decision"), "warn")

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
            self.message_user(request, _at_work_note(label), messages.INFO)


def _at_work_note(label: Label) -> str:
    sentence = _(
        "It is given the meaning “%(label)s”, and everybody who ever had it is restated. “Work” in the menu says how "
        "far that is."
    )
    return sentence % {"label": label}


def midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
