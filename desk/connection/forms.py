"""The forms of the wizard and of the connection page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from contacts.models import Channel
from contacts.services.channels import SHORTEST_SECRET
from desk.base.days import DayTimeField
from desk.connection.choosing import AgentChoice, TeamChoice
from desk.connection.guides import GUIDES
from webhooks.gateways import GATEWAYS

OVERLAPS = [
    (0, gettext_lazy("stop working at once")),
    (1, gettext_lazy("work for 1 more hour")),
    (24, gettext_lazy("work for 24 more hours")),
    (72, gettext_lazy("work for 3 more days")),
]
NEAR = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "America/Sao_Paulo", "UTC")
LONGEST_KEY = 60
LEAST_HMAC_KEY = {"wuzapi": 32}


def zones(empty: Any) -> list[Any]:
    """Every time zone, the likely ones first."""
    others = sorted(available_timezones() - set(NEAR))
    return [("", empty), *((name, name) for name in NEAR), *((name, name) for name in others)]


def _text(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs=attributes)


class ConnectForm(AgentChoice, TeamChoice):
    """A new channel of one gateway; only the name must be typed."""

    field_order = ("name", "key", "agent", "new_agent", "used_by_several", "team", "new_team", "session")
    MAY_ADD: ClassVar[dict[str, str]] = AgentChoice.MAY_ADD | {"new_team": "contacts.add_team"}

    name = forms.CharField(
        label=gettext_lazy("Name of the number"),
        max_length=100,
        widget=_text(placeholder="CS Rina"),
        help_text=gettext_lazy("How your team calls it: usually whose phone it is, or what it is for."),
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=LONGEST_KEY,
        required=False,
        widget=_text(placeholder="cs-rina"),
        help_text=gettext_lazy("Part of the webhook address: letters, digits, - and _. Empty: made from the name."),
    )
    used_by_several = forms.BooleanField(
        label=gettext_lazy("Several people use this number"), required=False, widget=UnfoldBooleanWidget
    )
    session = forms.CharField(label=gettext_lazy("Account"), max_length=200, required=False, widget=_text())
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone of the gateway"),
        required=False,
        choices=lambda: zones(gettext_lazy("not known: the time of receipt counts")),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The zone of the machine or container that the gateway runs in (its `TZ`)."),
    )
    base_url = forms.CharField(
        label=gettext_lazy("Address of the gateway"),
        max_length=300,
        required=False,
        widget=_text(placeholder="http://127.0.0.1:3000"),
        help_text=gettext_lazy("Optional. Kept for pulling and setting labels, which this version does not do yet."),
    )
    api_key = forms.CharField(
        label=gettext_lazy("Gateway API key"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Kept encrypted and never shown again."),
    )

    def __init__(self, *args: Any, gateway: str, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gateway = gateway
        self.offer(user)
        self.offer_teams(self.viewer)
        able = GATEWAYS[gateway].capabilities
        if not able.lists_labels and not able.writes_labels:
            del self.fields["base_url"], self.fields["api_key"]
        if gateway != "evolution":
            del self.fields["timezone"]
        self._name_session()

    def _name_session(self) -> None:
        called = GUIDES[self.gateway].session
        if not called:
            del self.fields["session"]
            return
        self.fields["session"].label = _("The gateway's name for it: %(called)s") % {"called": called}
        self.fields["session"].help_text = _("Exactly as in the gateway. Empty: the same as the key.")

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        if url and not url.startswith(("http://", "https://")):
            raise ValidationError(_("Begin with http:// or https://."))
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        key = cleaned.get("key") or slugify(cleaned.get("name", ""))[:LONGEST_KEY].strip("-")
        if not key or slugify(key) != key.lower():
            self.add_error("key", _("Use letters, digits, - and _ only."))
        elif Channel.objects.filter(key=key).exists():
            self.add_error("key", _("There is a number with this key already: choose another, or open that one."))
        cleaned["key"] = key
        return cleaned


class RotateForm(forms.Form):
    """A new secret, random or given."""

    hours = forms.TypedChoiceField(
        label=gettext_lazy("The former secret should"),
        choices=OVERLAPS,
        coerce=int,
        initial=24,
        widget=UnfoldAdminSelectWidget,
    )
    secret = forms.CharField(
        label=gettext_lazy("A secret of your own"),
        required=False,
        min_length=SHORTEST_SECRET,
        max_length=200,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty: a random one is made, which is best. Meta's app secret goes here."),
    )

    def __init__(self, *args: Any, gateway: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gateway = gateway

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        least = LEAST_HMAC_KEY.get(self.gateway, SHORTEST_SECRET)
        if secret in GATEWAYS[self.gateway].weak_secrets:
            raise ValidationError(_("“%(secret)s” is this gateway's default: everybody knows it.") % {"secret": secret})
        if secret and len(secret) < least:
            raise ValidationError(_("This gateway wants at least %(least)d characters.") % {"least": least})
        if "/" in secret and GATEWAYS[self.gateway].token_in_url:
            raise ValidationError(_("It becomes part of an address: leave out slashes."))
        return secret


class OwnerForm(AgentChoice):
    """Whose number it is from now, or from a date, on."""

    since = DayTimeField(
        label=gettext_lazy("From"),
        required=False,
        help_text=gettext_lazy("Empty: from now. What was recorded before stays as it was recorded."),
    )

    def __init__(self, *args: Any, channel: Channel, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        self.offer(user, first=[channel.team_id] if channel.team_id is not None else [])
        self.fields["agent"].label = _("New owner")
        self.fields["agent"].empty_label = _("choose")  # type: ignore[attr-defined]
        self.fields["agent"].help_text = ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("agent") and not cleaned.get("new_agent"):
            self.add_error("agent", _("Choose who the owner is."))
        return cleaned

    def clean_since(self) -> datetime | None:
        since: datetime | None = self.cleaned_data["since"]
        now_owned = self.channel.ownerships.filter(until__isnull=True, weekdays=[], hour_from__isnull=True).last()
        if since is not None and now_owned is not None and now_owned.since is not None and since <= now_owned.since:
            begun = format_date(timezone.localtime(now_owned.since), "DATETIME_FORMAT")
            raise ValidationError(_("The present owner began on %(begun)s: choose a later time.") % {"begun": begun})
        return since


class ZoneForm(forms.Form):
    """The time zone of the gateway's machine."""

    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone of the gateway"),
        required=False,
        choices=lambda: zones(gettext_lazy("not known: the time of receipt counts")),
        widget=UnfoldAdminSelectWidget,
    )


class LabelNameForm(forms.Form):
    """What a label is called that no event has named yet."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, widget=_text(placeholder="Grade A"))

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if not name:
            raise ValidationError(_("Type the name."))
        return name
