"""What codes of conversions mean, in the words of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from transfer.conversions.models import ConversionState, Target

Text = str | Promise

# Why a conversion does not go to a target.
REASONS: Mapping[str, Text] = {
    "found": _("already there when we first looked, so nobody knows when"),
    "gone": _("contact archived or merged"),
    "opted_out": _("opted out"),
    "event_off": _("no longer counted"),
    "other_ad": _("came by another network's ad"),
    "no_click": _("no click id"),
    "no_phone": _("no number"),
    "no_value": _("no value, which Meta asks of a purchase"),
    "too_old": _("too old for it"),
}
HELP: Mapping[str, Text] = {
    Target.META: _(
        "A CSV for Events Manager, “Upload offline events”. Takes who came by an ad of Facebook or Instagram, has a "
        "number and got the label in the last 62 days; numbers are hashed."
    ),
    Target.GOOGLE: _(
        "A CSV for “Conversions, Uploads”. Takes whose message carries Google's click id (gclid) of the last 90 days; "
        "a website puts it into the text of its WhatsApp link."
    ),
    Target.GOOGLE_LEADS: _(
        "The same for enhanced conversions for leads: hashed numbers of everybody who came by an ad, for Google asks "
        "for all leads and finds its own. Upload this file or the one by click id, not both."
    ),
    Target.META_API: _(
        "Sent by itself every minute, where an owner switched it on. Takes who came by an ad with a click id and got "
        "the label in the last 7 days; nothing about them but that id goes out."
    ),
}
# Why nothing, or one of them, was sent: codes of ours.
ERRORS: Mapping[str, Text] = {
    "busy": _("Meta was busy"),
    "timeout": _("Meta did not answer in time"),
    "unreachable": _("Meta could not be reached"),
    "unclear": _("Meta's answer was not understood"),
    "refused": _("Meta refused it"),
    "not_let_in": _("Meta does not accept the token, or it lacks a right: enter another one."),
    "wrong_address": _("There is no such dataset or version at this address: look at both."),
    "host_not_allowed": _(
        "Calls may not go there: whoever runs the server adds the host to GATEWAY_HOSTS and restarts."
    ),
}
LOOKS: Mapping[str, str] = {
    ConversionState.SENT: "good",
    ConversionState.IN_FILE: "good",
    ConversionState.FAILED: "bad",
    ConversionState.HELD: "warn",
}


def why_held(conversion: Any) -> Text:
    """Why a conversion goes nowhere at all, of one whose contact and event are loaded; "" when it does."""
    contact = conversion.contact
    if conversion.found:
        return REASONS["found"]
    if contact.deleted_at is not None or contact.merged_into_id is not None:
        return REASONS["gone"]
    if contact.opted_out_at is not None:
        return REASONS["opted_out"]
    if not conversion.event.active:
        return REASONS["event_off"]
    return "" if contact.phone or conversion.click_id else _("no number and no click id: nobody can use it")
