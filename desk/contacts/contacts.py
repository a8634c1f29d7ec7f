"""The contact list and the contact page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import date as format_date
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from contacts.models import Contact, ContactChannel, Note
from contacts.selectors.viewing import viewer_of
from contacts.services.contacts import edit_contact
from desk.base.days import DayTimeField
from desk.base.filters import AutocompleteFilter, DayRangeFilter
from desk.base.keyset import Keyset, KeysetAdminMixin, KeysetChangeList
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin, either
from desk.contacts import suggestion
from desk.contacts.by_value import ByValue
from desk.contacts.import_export import ContactTransfer
from desk.contacts.list_filters import (
    LABEL_AGE,
    AllLabelsFilter,
    CategoryFilter,
    ChannelFilter,
    CsFilter,
    FollowUpFilter,
    LabelAgeFilter,
    LabelFilter,
    LabelledByFilter,
    NeverLabelledFilter,
    OptedOutFilter,
    SegmentFilter,
    StaleFilter,
    WithoutLabelsFilter,
    active_labels,
    agents_of,
    asked_labels_of,
    by_label_age,
    numbers_of,
    pointed_to,
)
from desk.contacts.merging import ContactMerging, merges_of
from desk.contacts.opt_out import OptInForm
from desk.contacts.page import contact_page, with_rarities
from desk.contacts.search import find
from desk.templatetags.labelcrm import address, badge, badges, called, moment, person
from labelcrm.core import audit
from labelcrm.lib.numbers import row_id
from labels.selectors.suggestions import suggestions_for
from labels.services import archiving
from transfer.models import Export
from transfer.people_export import RIGHTS
from transfer.snapshots import exports_of

MAX_EXPORTS = 10
FOLLOW_UP_CLOCK = time(9)  # when no time is said


class ContactChangeList(KeysetChangeList):
    row_leads_back = False  # the page of a contact goes back to no list

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        return pointed_to(request, super().get_queryset(request, exclude_parameters))

    def url_for_result(self, result: Contact) -> str:
        return page_url(result.pk)

    @property
    def segment_url(self) -> str:
        """Where these filters are made a segment; "" for who keeps none, and within a segment that they do not see."""
        hidden = any(isinstance(each, SegmentFilter) and each.hidden for each in self.filter_specs)
        if hidden or not self.viewer.may("reports.view_segment", "reports.add_segment"):
            return ""
        return reverse("admin:segments-from-contacts") + self.get_query_string()


class ContactForm(forms.ModelForm):
    """What people may say about a contact; everything else comes from WhatsApp."""

    opted_out = forms.BooleanField(
        label=gettext_lazy("Opted out"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Wants no broadcasts: left out of every export for broadcasts."),
    )

    follow_up_at = DayTimeField(
        label=gettext_lazy("Follow up on"),
        required=False,
        clock=FOLLOW_UP_CLOCK,
        help_text=gettext_lazy("A day without a time means 09:00."),
    )

    class Meta:
        model = Contact
        fields = ("name", "assigned_to", "follow_up_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.opted_out_at:
            self.fields.pop("opted_out", None)
        agent: Any = self.fields.get("assigned_to")
        if agent is not None:
            agent.queryset = either(agent.queryset, self.instance.assigned_to_id)


class NoteForm(forms.ModelForm):
    class Meta:
        model = Note
        fields = ("text",)
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


@admin.register(Contact)
class ContactAdmin(ContactTransfer, KeysetAdminMixin, ContactMerging, EditingAdmin, ArchivableAdmin):
    keyset = Keyset("updated_at", "id")
    form = ContactForm
    change_form_template = "admin/contacts/contact/page.html"
    change_list_class = ContactChangeList
    sorts: ClassVar[Mapping[str, Keyset]] = {
        "name_shown": Keyset("name_key", "id", descending=False, of=Upper("name"), blank=""),
        "last_inbound_shown": Keyset("last_inbound_at", "id", blank=None),
        "first_seen_shown": Keyset("first_seen_at", "id"),
        "updated_shown": keyset,
    }
    list_display = (
        "name_shown",
        "phone_shown",
        "labels_shown",
        "labelled_shown",
        "cs_shown",
        "channels_shown",
        "campaign",
        "last_inbound_shown",
        "first_seen_shown",
        "updated_shown",
    )
    columns_off = ("channels_shown", "campaign", "first_seen_shown")
    card = ("name_shown", "last_inbound_shown", "labels_shown", "cs_shown")
    quick_filters = ("label", "cs", LABEL_AGE)
    list_filter = (
        LabelFilter,
        AllLabelsFilter,
        WithoutLabelsFilter,
        LabelledByFilter,
        LabelAgeFilter,
        CategoryFilter,
        CsFilter,
        ("assigned_to", AutocompleteFilter),
        ChannelFilter,
        ("campaign", AutocompleteFilter),
        ("last_inbound_at", DayRangeFilter),
        ("first_seen_at", DayRangeFilter),
        FollowUpFilter,
        NeverLabelledFilter,
        StaleFilter,
        OptedOutFilter,
        SegmentFilter,
    )
    search_fields = ("name",)
    search_help_text = gettext_lazy("Phone in any spelling, name, @username, LID or user id")
    autocomplete_fields = ("assigned_to",)
    compressed_fields = False
    empty_help = gettext_lazy(
        "Contacts appear by themselves as soon as a connected WhatsApp number sends or receives a message or a label. "
        "Nothing here? Check on the System page that the number's events arrive."
    )

    def archive(self, obj: Any, *, actor: Any) -> None:
        archiving.archive_contact(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Any, *, actor: Any) -> None:
        archiving.restore_contact(obj, actor=actor, origin=ORIGIN)

    # -- List ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(merged_into__isnull=True).select_related("assigned_to", "campaign")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return find(queryset, search_term) if search_term else queryset, False

    def get_sorts(self, request: HttpRequest) -> Mapping[str, Keyset]:
        """By what the contacts are worth; and where the list asks for labels, by since when they are on."""
        sorts = {**self.sorts, "labels_shown": ByValue(viewer_of(request.user))}
        by_age = by_label_age(request)
        return sorts if by_age is None else {**sorts, "labelled_shown": by_age}

    def for_page(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        related = ("label", "channel_label", "channel", "added_by", "added_by_user")
        now = active_labels(request).select_related(*related).order_by("added_at", "id")
        return rows.prefetch_related(Prefetch("assignments", queryset=now, to_attr="labels_now"))

    def complete_page(self, request: HttpRequest, rows: list[Any]) -> None:
        """Each contact's numbers and CS, and the label that its time and labeller are told of."""
        channels = _channels_of(request, rows)
        wanted = asked_labels_of(request)
        for contact in rows:
            contact.channels_now = channels.get(contact.pk, [])
            contact.labelled = next(filter(wanted, reversed(contact.labels_now)), None)
        if request.GET.get(NeverLabelledFilter.parameter_name):
            suggested = suggestions_for([contact.pk for contact in rows], viewer_of(request.user))
            for contact in rows:
                contact.suggestion = suggested.get(contact.pk)

    @admin.display(description=gettext_lazy("name"))
    def name_shown(self, contact: Contact) -> str:
        return contact.name or address(contact)

    @admin.display(description=gettext_lazy("phone"))
    def phone_shown(self, contact: Contact) -> str:
        return format_html('<span class="lc-nowrap">{}</span>', address(contact))

    @admin.display(description=gettext_lazy("labels"))
    def labels_shown(self, contact: Any) -> str:
        drawn: dict[int, dict[str, Any]] = {}
        for assignment in contact.labels_now:
            hint = hint_of(assignment)
            if assignment.label_id in drawn:
                drawn[assignment.label_id]["hint"] += f"\n{hint}"
            else:
                drawn[assignment.label_id] = badge(assignment, hint=hint)
        if drawn:
            return badges(list(drawn.values()))
        suggested = getattr(contact, "suggestion", None)
        if suggested is not None:
            return format_html(
                '{} <small class="lc-under">{}</small>',
                _("Suggested: %(label)s") % {"label": suggested.title},
                suggested.reason,
            )
        return format_html('<span class="lc-quiet">{}</span>', _("No label"))

    @admin.display(description=gettext_lazy("labelled"))
    def labelled_shown(self, contact: Any) -> str:
        """When, and by whom: of the label that was asked for, else of the newest."""
        labelled = contact.labelled
        if labelled is None:
            return ""
        who = labelled.added_by or person(labelled.added_by_user)
        return format_html('{}<small class="lc-under">{}</small>', moment(labelled.added_at), who or "")

    @admin.display(description=gettext_lazy("CS"))
    def cs_shown(self, contact: Any) -> str:
        """Whom the contact is assigned to, else whose number it is."""
        if contact.assigned_to is not None:
            return str(contact.assigned_to)
        return ", ".join(dict.fromkeys(known.owner for known in contact.channels_now if known.owner))

    @admin.display(description=gettext_lazy("WhatsApp number"))
    def channels_shown(self, contact: Any) -> str:
        return ", ".join(known.channel for known in contact.channels_now)

    @admin.display(description=gettext_lazy("last message in"))
    def last_inbound_shown(self, contact: Contact) -> str:
        return moment(contact.last_inbound_at)

    @admin.display(description=gettext_lazy("first seen"))
    def first_seen_shown(self, contact: Contact) -> str:
        return moment(contact.first_seen_at)

    @admin.display(description=gettext_lazy("changed"))
    def updated_shown(self, contact: Contact) -> str:
        return moment(contact.updated_at)

    # -- Page ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/", wrap(self.page_view), name="contacts_contact_page"),
            path("<int:pk>/opt-in/", wrap(require_POST(self.opt_in)), name="contacts_contact_opt_in"),
            path("<int:pk>/suggestion/", wrap(suggestion.answer), name="suggestion-answer"),
            path("<int:pk>/notes/", wrap(require_POST(self.add_note)), name="contacts_contact_note"),
            *super().get_urls(),
        ]

    def page_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The address people know; Django's own change address shows the same page."""
        return self.change_view(request, str(pk))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        contact = self.get_object(request, object_id)
        if contact is None:
            survivor = self._survivor(request, object_id)
            if survivor:
                return HttpResponseRedirect(page_url(survivor))
        elif self.has_view_or_change_permission(request, contact):
            may_write = request.user.has_perm("contacts.add_note")
            extra_context = {
                **(extra_context or {}),
                "page": (page := contact_page(request, contact)),
                # Whoever was merged brought an identifier: most contacts have one, and cost no query.
                "merges": merges_of(contact) if len(page.identities) > 1 else [],
                "exports": _exports_of(request, contact),
                "title": called(contact),
                "subtitle": None,
                "note_form": NoteForm() if may_write else None,
                "opt_in_form": OptInForm() if self.has_change_permission(request, contact) else None,
            }
        return super().change_view(request, object_id, form_url, extra_context)

    def _survivor(self, request: HttpRequest, object_id: str) -> int | None:
        """The contact that this one was merged into, if the reader sees it."""
        merged = Contact.all_objects.filter(pk=row_id(object_id) or 0).values("merged_into_id")
        found: int | None = self.get_queryset(request).filter(pk__in=merged).values_list("pk", flat=True).first()
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Contact | None:
        """The contact with whether they have what most have not (`with_rarities`), loaded once per request."""
        loaded = request.__dict__.setdefault("_labelcrm_contacts", {})
        if object_id not in loaded:
            rows = with_rarities(self.get_queryset(request))
            loaded[object_id] = rows.filter(pk=row_id(object_id) or 0).first()
        return loaded[object_id]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # contacts come from chats and imports

    def change(self, obj: Contact, *, actor: Any, **values: Any) -> Contact:
        return edit_contact(obj, actor=actor, origin=ORIGIN, **values)

    def values_of(self, form: Any, *, changed_only: bool) -> dict[str, Any]:
        values = super().values_of(form, changed_only=changed_only)
        return values | {name: form.cleaned_data[name] for name in ("opted_out",) if name in form.changed_data}

    def response_post_save_change(self, request: HttpRequest, obj: Contact) -> HttpResponse:
        return HttpResponseRedirect(page_url(obj.pk))

    def get_fieldsets(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        """Opting out is a switch; the way back asks for a reason and stands beside the flag (`opt_in`)."""
        fields = ("name", "assigned_to", "follow_up_at", "opted_out")
        says_it_above = obj is not None and (obj.opted_out_at or not self.has_change_permission(request, obj))
        return ((None, {"fields": fields[:-1] if says_it_above else fields}),)

    def opt_in(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a contact in again who had opted out, for a reason."""
        contact = get_object_or_404(self.get_queryset(request), pk=pk)
        form = OptInForm(request.POST)
        if not self.has_change_permission(request, contact):
            raise PermissionDenied
        if form.is_valid():
            edit_contact(
                contact, actor=request.user, origin=ORIGIN, opted_out=False, reason=form.cleaned_data["reason"]
            )
            self.message_user(request, _("This contact may get broadcasts again."), messages.SUCCESS)
        else:
            self.message_user(request, _("Say why, so that the next colleague understands it."), messages.ERROR)
        return HttpResponseRedirect(page_url(pk))

    def add_note(self, request: HttpRequest, pk: int) -> HttpResponse:
        contact = get_object_or_404(self.get_queryset(request), pk=pk)
        form = NoteForm(request.POST)
        if not request.user.has_perm("contacts.add_note"):
            self.message_user(request, _("Your role may read notes, not write them."), messages.ERROR)
        elif form.is_valid():
            with transaction.atomic():
                note = Note.objects.create(contact=contact, author_id=request.user.pk, text=form.cleaned_data["text"])
                audit.record(actor=request.user, action="contact.note_added", obj=contact, note=note.pk)
        return HttpResponseRedirect(f"{page_url(pk)}#notes")


@dataclass(frozen=True, slots=True)
class KnownOn:
    """A number that a contact is known on, and whose it is now ("" = nobody's)."""

    channel: str
    owner: str


def _channels_of(request: HttpRequest, contacts: Sequence[Contact]) -> dict[int, list[KnownOn]]:
    """The numbers of each of these contacts (by id), as far as the reader sees them. One query besides the filters'."""
    numbers, agents = numbers_of(request), {int(pk): name for pk, name in agents_of(request)}
    known = ContactChannel.objects.filter(contact__in=contacts, channel__in=numbers)
    found: dict[int, list[KnownOn]] = {}
    for contact, channel in known.order_by("-last_inbound_at", "id").values_list("contact_id", "channel_id"):
        name, owner = numbers[channel]
        found.setdefault(contact, []).append(KnownOn(name, agents.get(owner or 0, "")))
    return found


def _exports_of(request: HttpRequest, contact: Contact) -> list[tuple[Export, bool]]:
    """In which exports somebody was, for who may export, and which of these they may look at."""
    viewer = viewer_of(request.user)
    found = exports_of(contact, limit=MAX_EXPORTS) if viewer.may(*RIGHTS) else []
    return [(export, export.is_visible_to(viewer)) for export in found]


def page_url(pk: int) -> str:
    """The address of a contact's page."""
    return reverse("admin:contacts_contact_page", args=(pk,))


def hint_of(assignment: Any) -> str:
    """What a badge in the list says on hover."""
    since = format_date(timezone.localtime(assignment.added_at), "DATETIME_FORMAT")
    return _("%(channel)s: “%(name)s” since %(since)s") % {
        "channel": assignment.channel.name,
        "name": assignment.channel_label_name,
        "since": since,
    }
