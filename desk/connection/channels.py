"""Channels: the WhatsApp numbers, and whose they are. The connection page has their secrets."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget

from contacts.models import Channel, ChannelOwnership
from contacts.models.channels import CRM_GATEWAY
from contacts.services.channels import add_owner, edit_channel
from desk.base.filters import VisibleDropdownFilter
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin, StaffInline
from desk.templatetags.labelcrm import flag, gateway_title, moment, phone
from labelcrm.core.dates import check_reach

WEEKDAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]
STATUS_LOOK: dict[str, str] = {
    Channel.Status.WORKING: "good",
    Channel.Status.STARTING: "warn",
    Channel.Status.PAIRING: "warn",
    Channel.Status.STOPPED: "bad",
    Channel.Status.FAILED: "bad",
}


class ChannelForm(forms.ModelForm):
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone of the gateway"),
        required=False,
        choices=[("", "–"), *((name, name) for name in sorted(available_timezones()))],
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Only for gateways that tell local times (Evolution). Empty: they are not believed."),
    )
    api_key = forms.CharField(
        label=gettext_lazy("Gateway API key"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty leaves the stored one as it is. It is kept encrypted and never shown again."),
    )

    class Meta:
        model = Channel
        fields = ("name", "key", "session", "team", "used_by_one", "timezone", "base_url", "default_campaign")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "api_key" in self.fields:
            self.initial["api_key"] = ""

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"]
        if url and not url.startswith(("http://", "https://")):
            raise ValidationError(_("Begin with http:// or https://."))
        return url.rstrip("/")


class OwnershipForm(forms.ModelForm):
    days = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Weekdays"),
        required=False,
        coerce=int,
        choices=WEEKDAYS,
        widget=UnfoldAdminSelectMultipleWidget,
    )

    class Meta:
        model = ChannelOwnership
        fields = ("agent", "since", "until", "hour_from", "hour_to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"since", "until"} & set(self.fields):
            self.fields[name].validators.append(check_reach)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("hour_from") is None) != (cleaned.get("hour_to") is None):
            raise ValidationError(_("Say both hours or none."))
        self.instance.weekdays = cleaned.get("days", [])
        return cleaned


class OwnershipInline(StaffInline):
    """Owners are added; the rows of the past are never rewritten."""

    model = ChannelOwnership
    form = OwnershipForm
    extra = 0
    hide_title = True
    fields = ("agent", "since", "until", "days", "hour_from", "hour_to")
    autocomplete_fields = ("agent",)
    verbose_name_plural = gettext_lazy("Owners: whose work the labels on this number are")

    @admin.display(description=gettext_lazy("Weekdays"))
    def days(self, ownership: ChannelOwnership) -> str:
        """A row of the past in words; the form's field of this name chooses the days of a new one."""
        names = dict(WEEKDAYS)
        return ", ".join(str(names[day]) for day in ownership.weekdays) or _("every day")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Channel)
class ChannelAdmin(EditingAdmin, ArchivableAdmin):
    form = ChannelForm
    inlines = (OwnershipInline,)
    list_display = (
        "name",
        "connection",
        "gateway_shown",
        "status_shown",
        "owner_now",
        "team",
        "last_event",
        "last_label_event",
    )
    list_filter = (("status", ChoicesDropdownFilter), ("team", VisibleDropdownFilter))
    list_select_related = ("team",)
    search_fields = ("name", "key", "own_phone")
    search_help_text = gettext_lazy("Name, key or number")
    autocomplete_fields = ("team", "default_campaign")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "connection"),
                    ("key", "session"),
                    ("team", "used_by_one"),
                    ("gateway_shown", "default_campaign"),
                )
            },
        ),
        (gettext_lazy("How we reach the gateway"), {"fields": ("base_url", "api_key", "timezone")}),
        (
            gettext_lazy("What we know of the number"),
            {"fields": (("own_phone_shown", "own_lid"), ("status_shown", "last_event_at"))},
        ),
    )
    readonly_fields = ("connection", "gateway_shown", "own_phone_shown", "own_lid", "status_shown", "last_event_at")
    empty_help = gettext_lazy("A channel is one WhatsApp number behind one gateway. Connecting one takes five minutes.")

    # -- List ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        owners = ChannelOwnership.objects.filter(until__isnull=True).select_related("agent").order_by("since", "id")
        rows = super().get_queryset(request).exclude(gateway=CRM_GATEWAY)
        return rows.prefetch_related(Prefetch("ownerships", queryset=owners, to_attr="owners_now"))

    @admin.display(description=gettext_lazy("connection"))
    def connection(self, channel: Channel) -> str:
        url = reverse("channel-connection", args=(channel.pk,))
        return format_html('<a class="lc-link lc-nowrap" href="{}">{}</a>', url, _("check and set up"))

    @admin.display(description=gettext_lazy("own number"))
    def own_phone_shown(self, channel: Channel) -> str:
        return phone(channel.own_phone) or self.get_empty_value_display()

    @admin.display(description=gettext_lazy("gateway"))
    def gateway_shown(self, channel: Channel) -> str:
        return gateway_title(channel.gateway)

    @admin.display(description=gettext_lazy("status"))
    def status_shown(self, channel: Channel) -> str:
        return flag(channel.get_status_display(), STATUS_LOOK.get(channel.status, ""))

    @admin.display(description=gettext_lazy("owner now"))
    def owner_now(self, channel: Any) -> str:
        return ", ".join(dict.fromkeys(owner.agent.name for owner in channel.owners_now)) or "–"

    @admin.display(description=gettext_lazy("last event"))
    def last_event(self, channel: Channel) -> str:
        return moment(channel.last_event_at)

    @admin.display(description=gettext_lazy("last label event"))
    def last_label_event(self, channel: Channel) -> str:
        return moment(channel.last_label_event_at)

    # -- Form ---------------------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A number is connected by the wizard, which also makes its secret and says what to type into the gateway."""
        return HttpResponseRedirect(f"{reverse('connect')}?{request.GET.urlencode()}")

    def may_edit(self, request: HttpRequest) -> bool:
        return bool(super().has_change_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may only name owners opens the page too, and finds every other field read-only."""
        return self.may_edit(request) or bool(request.user.has_perm("contacts.add_channelownership"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if self.may_edit(request) else (*self.readonly_fields, *ChannelForm.Meta.fields)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.may_edit(request):
            return self.fieldsets
        return [
            (title, {"fields": [f for f in options["fields"] if f != "api_key"]}) for title, options in self.fieldsets
        ]

    def values_of(self, form: Any, *, changed_only: bool) -> dict[str, Any]:
        values = super().values_of(form, changed_only=changed_only)
        return {name: value for name, value in values.items() if name != "api_key" or value}

    def change(self, obj: Channel, *, actor: Any, **values: Any) -> Channel:
        return edit_channel(obj, actor=actor, origin=ORIGIN, **values)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        if self.may_edit(request):
            super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for ownership in formset.save(commit=False):
            add_owner(ownership, actor=request.user)
        formset.save_m2m()
