"""Two contacts are one person, or are not: the pages that merge them and undo it, each with a preview."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.defaultfilters import date as format_date
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import INPUT_CLASSES

from contacts.models import Agent, Contact, ContactMerge, Message
from contacts.selectors.viewing import viewer_of
from contacts.services import unmerging
from contacts.services.joining import who_stays
from contacts.services.merging import preview
from desk.base.model_admin import EditingAdmin
from desk.contacts.search import find
from desk.templatetags.labelcrm import called, phone
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import LabelAssignment
from labels.services import merging

BY_HAND = "by_hand"
MAX_FOUND = 20
REASONS = {
    "lid_learnt": gettext_lazy("told together by WhatsApp"),
    "number_changed": gettext_lazy("WhatsApp told of a new number"),
    "same_number": gettext_lazy("old and new form of one number"),
    "same_message": gettext_lazy("one message under both addresses"),
    BY_HAND: gettext_lazy("merged here"),
}


def merges_of(contact: Contact) -> list[Any]:
    """The merges of which this contact is what stayed, latest first, ready to be shown."""
    rows: list[Any] = list(contact.merges.select_related("merged", "actor"))
    for row in rows:
        row.merged_shown, row.why = called(row.merged), REASONS.get(row.reason, row.reason)
    return rows


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row of the preview: what stays has, what goes has, and what there will be."""

    title: str
    survivor: str
    merged: str
    after: str


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do; `other` is the contact that was chosen."""

    survivor_id: int
    merged_id: int
    other: int
    rows: list[PreviewRow]
    two_phones: bool
    parted: bool


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What undoing a merge would do; `first` is a later merge that must be undone before."""

    record: Any
    survivor: str
    merged: str
    archived: bool
    back: list[str]
    restored: list[str]
    first: dict[str, str] | None


def merge_preview(contact: Contact, other: Contact, viewer: Viewer) -> MergePreview:
    """Who would stay, and what they would be; counts are of what the viewer sees."""
    stays, goes = who_stays([contact.pk, other.pk])
    survivor, merged = (contact, other) if stays == contact.pk else (other, contact)
    after = preview(survivor_id=stays, merged_id=goes)
    assigned = Agent.all_objects.filter(pk=after["assigned_to_id"] or 0).first()
    rows = [
        PreviewRow(_("name"), survivor.name, merged.name, after["name"]),
        PreviewRow(_("phone"), phone(survivor.phone), phone(merged.phone), phone(after["phone"])),
        PreviewRow(_("LID"), survivor.lid, merged.lid, after["lid"]),
        PreviewRow(_("WhatsApp user id"), survivor.user_id, merged.user_id, after["user_id"]),
        PreviewRow(_("username"), survivor.username, merged.username, after["username"]),
        PreviewRow(_("assigned to"), _text(survivor.assigned_to), _text(merged.assigned_to), _text(assigned)),
        *(
            PreviewRow(title, _time(getattr(survivor, name)), _time(getattr(merged, name)), _time(after[name]))
            for name, title in (("follow_up_at", _("follow up on")), ("opted_out_at", _("opted out")),
                                ("first_seen_at", _("first seen")), ("last_inbound_at", _("last message in")))
        ),
        *_counts(survivor, merged, viewer),
        PreviewRow(_("archived"), _time(survivor.deleted_at), _time(merged.deleted_at), _time(survivor.deleted_at)),
    ]  # fmt: skip
    both = bool(survivor.phone and merged.phone)
    return MergePreview(
        stays, goes, other.pk, [row for row in rows if row.survivor or row.merged], both, _parted(stays, goes)
    )


def _counts(survivor: Contact, merged: Contact, viewer: Viewer) -> list[PreviewRow]:
    lines = []
    for title, rows in (
        (_("messages"), Message.objects.visible_to(viewer)),
        (_("labels ever"), LabelAssignment.objects.visible_to(viewer)),
    ):
        ours, theirs = (rows.filter(contact=one).count() for one in (survivor, merged))
        lines.append((title, ours, theirs))
    lines.append((_("notes"), survivor.notes.count(), merged.notes.count()))
    return [PreviewRow(title, str(a or ""), str(b or ""), str(a + b)) for title, a, b in lines]


def _parted(one: int, two: int) -> bool:
    pair = Q(survivor=one, merged=two) | Q(survivor=two, merged=one)
    return ContactMerge.objects.filter(pair, undone_at__isnull=False).exists()


def undo_preview(record: Any, viewer: Viewer) -> UndoPreview:
    """What goes back, in words; counts are of what the viewer sees."""
    record.why = REASONS.get(record.reason, record.reason)
    first = None
    try:
        unmerging.check_is_last(record)
    except ValidationError as error:
        later = (error.params or {})["merge"]
        first = _first(ContactMerge.objects.select_related("merged", "survivor").get(pk=later))
    return UndoPreview(
        record=record,
        survivor=called(record.survivor),
        merged=called(record.merged),
        archived=bool(record.before.get("merged", {}).get("deleted_at")),
        back=_back(record, viewer),
        restored=_restored(record.before.get("survivor", {})),
        first=first,
    )


def _first(later: ContactMerge) -> dict[str, str]:
    url = reverse("admin:contacts_contact_unmerge", args=(later.survivor_id, later.pk))
    return {"url": url, "shown": f"{called(later.merged)} → {called(later.survivor)}"}


_TABLES = {
    "contacts_message": lambda n: ngettext("%(n)d message", "%(n)d messages", n),
    "labels_labelevent": lambda n: ngettext("%(n)d label change", "%(n)d label changes", n),
    "contacts_note": lambda n: ngettext("%(n)d note", "%(n)d notes", n),
    "contacts_consent": lambda n: ngettext("%(n)d consent", "%(n)d consents", n),
    "contacts_campaigntouch": lambda n: ngettext("%(n)d campaign touch", "%(n)d campaign touches", n),
}
_BY_IDENTITY = ("contacts_message", "labels_labelevent")
_OF_CHANNEL = {
    "contacts_message": "channel_id = ANY(%(channels)s)",
    "labels_labelevent": "channel_id = ANY(%(channels)s)",
    "contacts_campaigntouch": "(channel_id = ANY(%(channels)s) OR channel_id IS NULL)",
}


def _back(record: ContactMerge, viewer: Viewer) -> list[str]:
    lines = [", ".join(_identities(record))]
    for table, text in _TABLES.items():
        came_by = " OR identity_id = ANY(%(identities)s)" if table in _BY_IDENTITY else ""
        seen = "true" if viewer.everything else _OF_CHANNEL.get(table, "true")
        count = fetch(
            f"SELECT count(*) FROM {table} WHERE contact_id = %(survivor)s AND (id = ANY(%(ids)s){came_by}) AND {seen}",  # noqa: S608 - tables and conditions from above
            {
                "channels": [*viewer.channels, viewer.crm],
                "survivor": record.survivor_id,
                "ids": record.moved.get(table, []),
                "identities": record.identity_ids,
            },
        )[0][0]
        if count:
            lines.append(text(count) % {"n": count})
    return [line for line in lines if line]


def _identities(record: ContactMerge) -> Iterable[str]:
    for identity in record.survivor.identities.filter(id__in=record.identity_ids):
        yield phone(identity.value) if identity.kind == "phone" else str(identity)


_RESTORED = {
    "name": gettext_lazy("name"),
    "phone": gettext_lazy("phone"),
    "username": gettext_lazy("username"),
    "follow_up_at": gettext_lazy("follow up on"),
    "opted_out_at": gettext_lazy("opted out"),
}


def _restored(before: dict[str, Any]) -> list[str]:
    """What the survivor loses again or gets back."""
    lines = []
    for name, title in _RESTORED.items():
        if name in before:
            value = before[name]
            if value and name.endswith("_at"):
                value = _time(datetime.fromisoformat(value))
            lines.append(f"{title}: {value or '–'}")
    return lines


def _time(at: datetime | None) -> str:
    return format_date(timezone.localtime(at), "DATETIME_FORMAT") if at else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)


class ContactMerging(EditingAdmin):
    """The pages of a contact that merge it with another one, and undo that."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/merge/", wrap(self.merge_view), name="contacts_contact_merge"),
            path("<int:pk>/merges/<int:merge>/", wrap(self.unmerge_view), name="contacts_contact_unmerge"),
            *super().get_urls(),
        ]

    def merge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose the other one, look at what would become of both, merge."""
        contact = self._changeable(request, pk)
        other_id = row_id((request.POST if request.method == "POST" else request.GET).get("other"))
        other = self._others(request, contact).filter(pk=other_id).first() if other_id else None
        if other_id and other is None:
            messages.error(request, _("There is no such contact to merge with."))
        if request.method == "POST" and other is not None:
            return self._merge(request, contact, other)
        q = request.GET.get("q", "").replace("\x00", "").strip()[:200]
        found = list(find(self._others(request, contact), q)[:MAX_FOUND]) if q else []
        for one in found:
            one.shown, one.address_shown = called(one), phone(one.phone) or one.address
        context = {
            "title": _("Merge with another contact"),
            "who": called(contact),
            "back": _page(pk),
            "q": q,
            "found": found,
            "input_classes": " ".join(INPUT_CLASSES),
            "preview": merge_preview(contact, other, viewer_of(request.user)) if other is not None else None,
        }
        return self._page(request, "merge.html", context)

    def unmerge_view(self, request: HttpRequest, pk: int, merge: int) -> HttpResponse:
        """Look at what goes back, undo."""
        contact = self._changeable(request, pk)
        merges = ContactMerge.objects.select_related("survivor", "merged", "actor")
        record = get_object_or_404(merges, pk=merge, survivor=contact, undone_at__isnull=True)
        if request.method == "POST":
            return self._unmerge(request, record)
        return self._page(request, "unmerge.html", {
            "title": _("Undo a merge"), "back": _page(pk), "undo": undo_preview(record, viewer_of(request.user)),
        })  # fmt: skip

    def _changeable(self, request: HttpRequest, pk: int) -> Contact:
        contact: Contact = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, contact):
            raise PermissionDenied
        return contact

    def _others(self, request: HttpRequest, contact: Contact) -> Any:
        """Whom this user may merge with: everybody they see, archived ones too."""
        visible: Any = Contact.all_objects.visible_to(viewer_of(request.user))
        return visible.filter(merged_into__isnull=True).exclude(pk=contact.pk).select_related("assigned_to")

    def _merge(self, request: HttpRequest, contact: Contact, other: Contact) -> HttpResponse:

        stays, goes = who_stays([contact.pk, other.pk])
        try:
            merging.merge(survivor_id=stays, merged_id=goes, reason=BY_HAND, actor=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(_page(contact.pk))
        messages.success(request, _("These two are one contact now. You can undo this below."))
        return HttpResponseRedirect(f"{_page(stays)}#merges")

    def _unmerge(self, request: HttpRequest, record: ContactMerge) -> HttpResponse:

        try:
            merging.unmerge(record=record, actor=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except ContactMerge.DoesNotExist:
            messages.error(request, _("Somebody else has undone this merge just now."))
        else:
            sentence = _("The merge is undone: %(merged)s is a contact of its own again.")
            messages.success(request, sentence % {"merged": called(record.merged)})
        return HttpResponseRedirect(_page(record.survivor_id))

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        everywhere = {**self.admin_site.each_context(request), "content_title": context["title"]}
        return render(request, f"admin/contacts/contact/{template}", everywhere | context)


def _page(pk: int) -> str:
    return reverse("admin:contacts_contact_page", args=(pk,))
