"""Opting out of broadcasts as pages show it: the words that do it, and since when and by what a contact is out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from contacts.models import Consent, Contact, Message, OptOutWord
from desk.base.model_admin import ArchivableAdmin, EditingAdmin
from labelcrm.core.viewer import Viewer

MAX_CONSENTS = 20


class OptInForm(forms.Form):
    """Letting a contact in again who had opted out: nobody does that without a reason."""

    reason = forms.CharField(
        label=_("Why may we write to them again?"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": _("for example: asked for the price list again")}),
    )


@dataclass(frozen=True, slots=True)
class OptOut:
    """What the page of a contact says about broadcasts.

    `by` is the consent that opted the contact out, None when they are not (or nothing tells how); `message` what they
    wrote, where the reader may see it. `consents` are all of them, newest first.
    """

    consents: list[Consent]
    by: Consent | None = None
    message: Message | None = None


def opt_out_of(contact: Contact, *, viewer: Viewer) -> OptOut:
    """One query, and one more for the words of whom a message opted out."""
    consents = list(contact.consents.select_related("recorded_by")[:MAX_CONSENTS])
    by = _by(contact, consents)
    if by is None or by.message_id is None:
        return OptOut(consents, by)
    said: Iterable[Any] = Message.objects.visible_to(viewer).filter(pk=by.message_id).select_related("channel")
    return OptOut(consents, by, next(iter(said), None))


def _by(contact: Contact, consents: Iterable[Consent]) -> Consent | None:
    """The consent of the time since when the contact is out; else the last one that says so."""
    out = [one for one in consents if contact.opted_out_at and not one.given]
    return next((one for one in out if one.at == contact.opted_out_at), out[0] if out else None)


@admin.register(OptOutWord)
class OptOutWordAdmin(EditingAdmin, ArchivableAdmin):
    list_display = ("text", "created_at")
    search_fields = ("text",)
    fields = ("text",)
    empty_help = _(
        "Nobody opts out by writing. Add a word such as STOP: whoever sends it, and nothing else, gets no broadcasts "
        "from then on."
    )
