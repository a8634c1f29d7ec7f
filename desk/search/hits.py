"""What the search finds among rows: contacts, labels, segments, CS, numbers, campaigns; each for who may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Agent, Campaign, Channel, Contact
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.contacts.list_filters import active_labels
from desk.contacts.search import MIN_LETTERS, ending_in, find
from desk.templatetags.labelcrm import address, badge, badges
from labels.models import ChannelLabel, Label
from reports.models import Segment

MOST = 6  # of each group
MOST_BADGES = 3  # beside a contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing that was found: what it is called, where it is, and in `note` what tells it from others."""

    title: Any
    link: str
    icon: str
    note: Any = ""
    badges: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitGroup:
    """What was found of one kind; `everything` leads to the list that has it all."""

    code: str
    title: Any
    hits: list[Hit]
    everything: Hit | None = None

    @property
    def lines(self) -> list[Hit]:
        """What the group shows: its hits and then the way to the rest."""
        return [*self.hits, self.everything] if self.everything else self.hits


@dataclass(frozen=True, slots=True)
class RowKind:
    """A kind of rows: `find` is asked only for readers with the right; `listed` where the contact list goes on."""

    code: str
    title: Any
    right: str
    find: Callable[[HttpRequest, str], Iterable[Hit]]
    listed: bool = False


def row_groups(request: HttpRequest, term: str) -> list[HitGroup]:
    """What rows have `term` in them, at most MOST of each kind, and the way to all contacts."""
    viewer = viewer_of(request.user)
    found = [(kind, list(kind.find(request, term))) for kind in KINDS if viewer.may(kind.right)]
    return [
        HitGroup(code=kind.code, title=kind.title, hits=hits, everything=_all_contacts(term) if kind.listed else None)
        for kind, hits in found
        if hits
    ]


# -- Contacts ---------------------------------------------------------------------------------------------------------


def contact_hits(request: HttpRequest, term: str) -> list[Hit]:
    """Whose number ends in these digits, then everybody whom the contact list finds; the latest activity first."""
    contacts = list(_contacts(request, term))
    drawn = _badges_of(request, contacts) if contacts else {}
    return [_contact_hit(contact, drawn[contact.pk]) for contact in contacts]


def _all_contacts(term: str) -> Hit:
    link = f"{reverse('admin:contacts_contact_changelist')}?{urlencode({'q': term})}"
    return Hit(title=_("Show all contacts that match"), link=link, icon="arrow_forward")


def _contacts(request: HttpRequest, term: str) -> Iterable[Contact]:
    visible = Contact.objects.visible_to(viewer_of(request.user)).filter(merged_into__isnull=True)
    rows = visible.order_by("-updated_at", "-id")
    yield from (first := list(ending_in(rows, term)[:MOST]))
    if len(first) < MOST:
        others = rows.exclude(pk__in=[contact.pk for contact in first]) if first else rows
        yield from _matching(others, term)[: MOST - len(first)]


def _matching(rows: QuerySet[Contact], term: str) -> QuerySet[Contact]:
    """As the contact list finds them. An index knows three letters in a row, or how a name begins."""
    if max(map(len, term.split()), default=0) < MIN_LETTERS:
        return rows.filter(name__istartswith=term)
    return find(rows, term)


def _contact_hit(contact: Contact, drawn: list[dict[str, Any]]) -> Hit:
    return Hit(
        title=contact.name or address(contact),
        link=reverse("admin:contacts_contact_page", args=(contact.pk,)),
        icon="person",
        note=address(contact) if contact.name else "",
        badges=badges(drawn[:MOST_BADGES]),
    )


def _badges_of(request: HttpRequest, contacts: list[Contact]) -> dict[int, list[dict[str, Any]]]:
    """The labels that are on now, by contact; one that is on through several numbers once."""
    rows = active_labels(request).filter(contact__in=contacts).select_related("label").order_by("added_at", "id")
    labels: dict[int, dict[int, Label]] = defaultdict(dict)
    for assignment in rows:
        labels[assignment.contact_id][assignment.label_id] = assignment.label
    return defaultdict(list, {pk: list(map(badge, found.values())) for pk, found in labels.items()})


# -- Short tables -----------------------------------------------------------------------------------------------------


def label_hits(request: HttpRequest, term: str) -> Iterable[Hit]:
    """By our name in both languages, another spelling, or what a number calls it; each leads to who has it."""
    viewer = viewer_of(request.user)
    in_whatsapp = ChannelLabel.objects.visible_to(viewer).filter(
        label=OuterRef("pk"), deleted_at__isnull=True, hidden=False, name__icontains=term
    )
    ours = Q(name__icontains=term) | Q(name_en__icontains=term) | Q(aliases__text__icontains=term)
    rows = Label.objects.visible_to(viewer).filter(ours | Exists(in_whatsapp)).distinct()
    for label in rows[:MOST]:
        link = _whose_contacts(request, f"label={label.pk}") or reverse("admin:labels_label_change", args=(label.pk,))
        drawn = badges([badge(label)])
        yield Hit(title=str(label), link=link, icon="label", note=_("contacts with this label"), badges=drawn)


def segment_hits(request: HttpRequest, term: str) -> Iterable[Hit]:
    """Each leads to its page, which counts it."""
    rows = Segment.objects.visible_to(viewer_of(request.user)).filter(name__icontains=term)
    for segment in rows[:MOST]:
        yield Hit(title=segment.name, link=reverse("admin:segments-edit", args=(segment.pk,)), icon="filter_alt")


def agent_hits(request: HttpRequest, term: str) -> Iterable[Hit]:
    """Each leads to the contacts of this CS."""
    rows = Agent.objects.visible_to(viewer_of(request.user)).filter(_named(term)).select_related("team")
    for agent in rows[:MOST]:
        link = _whose_contacts(request, f"cs={agent.pk}") or reverse("admin:contacts_agent_change", args=(agent.pk,))
        note = " · ".join(map(str, filter(None, (agent.team, _("contacts of this CS")))))
        yield Hit(title=agent.name, link=link, icon="support_agent", note=note)


def _whose_contacts(request: HttpRequest, query: str) -> str:
    """The contact list with one filter, for who may see contacts."""
    may = viewer_of(request.user).may("contacts.view_contact")
    return f"{reverse('admin:contacts_contact_changelist')}?{query}" if may else ""


def number_hits(request: HttpRequest, term: str) -> Iterable[Hit]:
    """Our own numbers; each leads to its connection."""
    rows = Channel.objects.visible_to(viewer_of(request.user)).exclude(gateway=CRM_GATEWAY)
    for channel in rows.filter(Q(name__icontains=term) | Q(key__icontains=term)).select_related("team")[:MOST]:
        link = reverse("channel-connection", args=(channel.pk,))
        yield Hit(title=channel.name, link=link, icon="smartphone", note=channel.team or "")


def campaign_hits(request: HttpRequest, term: str) -> Iterable[Hit]:
    for campaign in Campaign.objects.visible_to(viewer_of(request.user)).filter(_named(term))[:MOST]:
        link = reverse("admin:contacts_campaign_change", args=(campaign.pk,))
        yield Hit(title=campaign.name, link=link, icon="campaign", note=campaign.source)


def _named(term: str) -> Q:
    return Q(name__icontains=term) | Q(code__icontains=term)


KINDS = (
    RowKind("contacts", gettext_lazy("Contacts"), "contacts.view_contact", contact_hits, listed=True),
    RowKind("labels", gettext_lazy("Labels"), "labels.view_label", label_hits),
    RowKind("segments", gettext_lazy("Segments"), "reports.view_segment", segment_hits),
    RowKind("agents", gettext_lazy("CS"), "contacts.view_agent", agent_hits),
    RowKind("numbers", gettext_lazy("WhatsApp numbers"), "contacts.view_channel", number_hits),
    RowKind("campaigns", gettext_lazy("Campaigns"), "contacts.view_campaign", campaign_hits),
)
