"""What becomes a conversion and what it is worth, and the connection to Meta: the forms of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from contacts.models import Campaign
from desk.base.days import DayField
from desk.base.model_admin import ORIGIN
from desk.conversions.conversion_list import may_look
from desk.conversions.conversion_words import ERRORS
from labelcrm.core.jobs import do_at_once
from labels.models import Label
from transfer.conversions import conversion_jobs, conversion_settings
from transfer.conversions.collecting import labels_of
from transfer.conversions.conversion_settings import SETS_CONNECTION, SETS_EVENTS
from transfer.conversions.models import (
    ConversionDelivery,
    ConversionEvent,
    ConversionValue,
    DeliveryState,
    MetaConnection,
    Target,
)

AT_ONCE = 1.0  # seconds that the page waits until everybody was looked at
LABEL, CAMPAIGN = "label", "campaign"


def amount_field(label: Any = "", **more: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_digits=14, decimal_places=0, required=False, **more)


class EventForm(forms.ModelForm):
    """An event with its values: one per label that it counts, one per campaign that has one, and one more campaign."""

    value = amount_field(
        gettext_lazy("Value (rupiah)"),
        help_text=gettext_lazy("Empty: told without a value. Meta asks one of a purchase."),
    )
    since = DayField(
        label=gettext_lazy("Labels from this day on"), required=False, help_text=gettext_lazy("Empty: all there are.")
    )
    labels: Any = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Chosen labels"), queryset=Label.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    more_campaign: Any = forms.ModelChoiceField(
        label=gettext_lazy("Another campaign"), queryset=Campaign.objects.none(), required=False
    )
    more_value = amount_field(gettext_lazy("Its value (rupiah)"))

    class Meta:
        model = ConversionEvent
        fields = ("active", "basis", "value", "since", "meta_name", "google_name")
        help_texts: Mapping[str, Any] = {
            "meta_name": gettext_lazy("Meta takes no other names for messaging."),
            "google_name": gettext_lazy("To the letter as the conversion action is called in Google Ads."),
        }

    def __init__(self, data: Any, *, instance: ConversionEvent, labels: list[Label]) -> None:
        super().__init__(data, prefix=instance.code, instance=instance)
        chosen: Any = self.fields
        chosen["labels"].queryset = Label.objects.all()
        chosen["labels"].initial = list(instance.labels.values_list("pk", flat=True))
        chosen["more_campaign"].queryset = Campaign.objects.all()
        self.worth: dict[tuple[str, int], ConversionValue] = {}
        names: dict[int, str] = {}
        for row in instance.values.select_related("campaign"):
            if row.campaign is not None:
                names[row.campaign.pk] = row.campaign.name
            self.worth[(LABEL, row.label_id) if row.label_id else (CAMPAIGN, row.campaign_id or 0)] = row
        counted = set(labels_of(instance, labels, set(chosen["labels"].initial)))
        for label in labels:
            if label.pk in counted or (LABEL, label.pk) in self.worth:
                self._add_value(LABEL, label.pk, str(label))
        for pk, name in names.items():
            self._add_value(CAMPAIGN, pk, name)
        for field in self.fields.values():
            if not isinstance(field.widget, (forms.CheckboxInput, forms.CheckboxSelectMultiple)):
                field.widget.attrs["class"] = "lc-input"

    def _add_value(self, kind: str, pk: int, title: str) -> None:
        row = self.worth.get((kind, pk))
        self.fields[f"{kind}-{pk}"] = amount_field(title, initial=row.value if row else None)

    @property
    def label_values(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith(f"{LABEL}-")]

    @property
    def campaign_values(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith(f"{CAMPAIGN}-")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("basis") == ConversionEvent.LabelChoice.LABELS and not cleaned.get("labels"):
            self.add_error("labels", _("Choose at least one label."))
        if cleaned.get("more_value") is not None and not cleaned.get("more_campaign"):
            self.add_error("more_campaign", _("Choose the campaign of this value."))
        return cleaned

    def values(self) -> dict[tuple[str, int], Any]:
        """By label and campaign, as `change_event` takes them."""
        found = {}
        for name, value in self.cleaned_data.items():
            kind, dash, pk = name.partition("-")
            if dash:
                found[kind, int(pk)] = value
        campaign = self.cleaned_data["more_campaign"]
        if campaign is not None and self.cleaned_data["more_value"] is not None:
            found[CAMPAIGN, campaign.pk] = self.cleaned_data["more_value"]
        return found


@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """What becomes a conversion; one form per event. Saving one looks at everybody again."""
    may_look(request)
    may_change = request.user.has_perm(SETS_EVENTS)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    labels = list(Label.objects.order_by("category__position", "step", "name"))
    sent = request.POST.get("event", "")
    events = list(ConversionEvent.objects.all())
    if request.method == "POST" and sent not in {event.code for event in events}:
        raise Http404
    made = [EventForm(request.POST if event.code == sent else None, instance=event, labels=labels) for event in events]
    for form in made:
        if form.is_bound and form.is_valid():
            return _save(request, form)
    context = {
        **admin.site.each_context(request),
        "title": _("What becomes a conversion"),
        "forms": made,
        "may_change": may_change,
        "may_connect": request.user.has_perm(SETS_CONNECTION),
    }
    return TemplateResponse(request, "conversions/settings.html", context)


def _save(request: HttpRequest, form: EventForm) -> HttpResponse:
    names = EventForm.Meta.fields
    fields = {name: form.cleaned_data[name] for name in names}
    event = ConversionEvent.objects.get(pk=form.instance.pk)  # the form's own has the new values already
    conversion_settings.change_event(
        event, actor=request.user, origin=ORIGIN, values=form.values(),
        labels=[label.pk for label in form.cleaned_data["labels"]], **fields,
    )  # fmt: skip
    job = conversion_jobs.look_again(actor=request.user)
    do_at_once([job], seconds=AT_ONCE)
    job.refresh_from_db()
    if job.is_finished:
        messages.success(request, _("Saved.") + " " + str(conversion_jobs.LOOK_AGAIN.outcome(job)))
    else:
        messages.success(request, _("Saved. Everybody is being looked at again; “Work” says how far that is."))
    return HttpResponseRedirect(reverse("admin:conversions-settings"))


# -- Meta -------------------------------------------------------------------------------------------------------------


class ConnectionForm(forms.ModelForm):
    access_token = forms.CharField(
        label=gettext_lazy("Access token"), required=False, max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept encrypted and never shown again. Empty: the one there is stays."),
    )  # fmt: skip

    class Meta:
        model = MetaConnection
        fields = (
            "enabled", "dataset_id", "business_account_id", "page_id", "test_event_code", "address", "version",
        )  # fmt: skip
        help_texts: Mapping[str, Any] = {
            "business_account_id": gettext_lazy("Of the WhatsApp Business Account that the ads lead to."),
            "page_id": gettext_lazy("Instead of it, where there is none."),
            "test_event_code": gettext_lazy(
                "While this stands here, events show up under “Test events” in Events Manager and count nowhere else."
            ),
            "address": gettext_lazy("Its host must stand in `GATEWAY_HOSTS`."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("dataset_id", "business_account_id", "page_id"):
            self.fields[name].widget.attrs["inputmode"] = "numeric"
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "lc-input"


@require_http_methods(["GET", "HEAD", "POST"])
def meta_page(request: HttpRequest) -> HttpResponse:
    """The connection to Meta, for owners."""
    if not request.user.has_perm(SETS_CONNECTION):
        raise PermissionDenied
    row = conversion_settings.connection()
    form = ConnectionForm(request.POST or None, instance=conversion_settings.connection())
    if request.method == "POST" and form.is_valid() and _connect(request, form):
        return HttpResponseRedirect(reverse("admin:conversions-meta"))
    waiting = ConversionDelivery.objects.filter(target=Target.META_API)
    context = {
        **admin.site.each_context(request),
        "title": _("Connection to Meta"),
        "form": form,
        "connection": row,
        "has_token": bool(row.access_token),
        "stopped": ERRORS.get(row.stopped, row.stopped),
        "waiting": waiting.filter(state=DeliveryState.WAITING).count(),
        "failed": waiting.filter(state=DeliveryState.FAILED).count(),
        "sent": waiting.filter(state=DeliveryState.DONE).count(),
    }
    return TemplateResponse(request, "conversions/meta.html", context)


def _connect(request: HttpRequest, form: ConnectionForm) -> bool:
    fields = {name: form.cleaned_data[name] for name in ConnectionForm.Meta.fields}
    try:
        conversion_settings.change_connection(
            actor=request.user, access_token=form.cleaned_data["access_token"], **fields
        )
    except ValidationError as refused:
        form.add_error(None, refused)
        return False
    messages.success(request, _("Saved."))
    return True


@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Try everything that failed again."""
    if not request.user.has_perm(SETS_CONNECTION):
        raise PermissionDenied
    again = conversion_settings.send_failed_again(actor=request.user)
    messages.success(request, _("%(n)s are tried again.") % {"n": again})
    return HttpResponseRedirect(reverse("admin:conversions-meta"))
