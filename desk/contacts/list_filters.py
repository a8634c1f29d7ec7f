"""Filters of the contact list: by label, who put it on and how long ago, category, CS, channel, segment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, RadioFilter

from contacts.models import Agent, Channel, ContactChannel
from contacts.selectors.ownership import NumberNow, numbers_now
from contacts.selectors.viewing import viewer_of
from desk.base.keyset import Keyset
from labelcrm.lib.numbers import row_id
from labels.models import Label, LabelAssignment, StaleFlag
from reports.limits import ReportLimits, in_words
from reports.models import Segment
from reports.segments.definition import InvalidDefinition, parse_definition
from reports.segments.members import Members
from reports.selectors.home import never_labelled, opted_out_lately

NO_LABEL = "none"
NOT_MAPPED = "unmapped"
FEW = 2000
NEAR = 400  # labels that are looked at before all are
LABELLED_BY, LABEL_AGE = "labelled_by", "label_age"
LABEL_AGES = (3, 7, 14, 30, 60, 90)
MAX_AGE = 36_500


class LabelFilter(MultipleDropdownFilter):
    """Contacts that have one of the chosen labels now, or none at all."""

    title = gettext_lazy("label (one of)")
    title_of_one = gettext_lazy("label")
    parameter_name = "label"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        grouped = groupby(labels_of(request), key=lambda label: label.category)
        groups = [(str(category or _("Without category")), _choices(labels)) for category, labels in grouped]
        return [(NO_LABEL, _("No label now")), *groups]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or []
        if NO_LABEL in chosen:
            return queryset.filter(~Exists(active_labels(request).filter(contact=OuterRef("pk"))))
        ids = _ids(chosen)
        return among(request, queryset, asked_labels(request).filter(label_id__in=ids)) if ids else queryset

    def value(self) -> list[str]:
        return self.used_parameters.get(self.parameter_name) or []


class AllLabelsFilter(LabelFilter):
    """Contacts that have every one of the chosen labels now."""

    title = gettext_lazy("label (all of)")
    parameter_name = "label_all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return super().lookups(request, model_admin)[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for pk in _ids(self.value()):
            queryset = among(request, queryset, asked_labels(request).filter(label_id=pk))
        return queryset


class WithoutLabelsFilter(AllLabelsFilter):
    """Contacts that have none of the chosen labels now."""

    title = gettext_lazy("label (none of)")
    title_of_one = gettext_lazy("without label")
    parameter_name = "label_none"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        ids = _ids(self.value())
        on = active_labels(request).filter(label_id__in=ids, contact=OuterRef("pk"))
        return queryset.filter(~Exists(on)) if ids else queryset


class LabelAgeFilter(DropdownFilter):
    """Contacts whose label, of those that the other filters ask for, has been on for a number of days."""

    title = gettext_lazy("label on for")
    parameter_name = LABEL_AGE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [(str(days), _("over %(n)d days") % {"n": days}) for days in LABEL_AGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _of_any_label(request, queryset) if row_id(self.value()) else queryset


class LabelledByFilter(DropdownFilter):
    """Contacts whose label, of those that the other filters ask for, was put on by one agent."""

    title = gettext_lazy("labelled by")
    parameter_name = LABELLED_BY

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return agents_of(request)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _of_any_label(request, queryset) if row_id(self.value()) else queryset


class CsFilter(DropdownFilter):
    """Contacts of one agent: assigned to them, or to nobody and known on a number that is theirs now."""

    title = gettext_lazy("CS")
    parameter_name = "cs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return agents_of(request)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        agent = row_id(self.value())
        if agent is None:
            return queryset
        theirs = [pk for pk, number in numbers_of(request).items() if number.owner == agent]
        known = ContactChannel.objects.filter(channel__in=theirs, contact=OuterRef("pk"))
        agents = Agent.all_objects.visible_to(viewer_of(request.user)).filter(pk=agent)
        return queryset.filter(Exists(agents), Q(assigned_to=agent) | Q(Exists(known), assigned_to=None))


class CategoryFilter(DropdownFilter):
    """Contacts that have a label of one category now, or one that nobody has mapped yet."""

    title = gettext_lazy("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        named = {label.category_id: str(label.category) for label in labels_of(request) if label.category}
        return [*named.items(), (NOT_MAPPED, _("Not mapped yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        category = row_id(value)
        if value == NOT_MAPPED:
            ids = [label.pk for label in labels_of(request) if label.is_unmapped]
        elif category:
            # An archived label may still be on, and is of its category as in reports and segments.
            ids = list(Label.all_objects.filter(category_id=category).values_list("id", flat=True))
        else:
            return queryset
        return among(request, queryset, asked_labels(request).filter(label_id__in=ids))


class ChannelFilter(DropdownFilter):
    """Contacts known on a channel."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [(str(pk), number.name) for pk, number in numbers_of(request).items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        channel = row_id(self.value())
        if channel is None:
            return queryset
        seen = Channel.all_objects.visible_to(viewer_of(request.user)).filter(pk=channel)
        return among(request, queryset, ContactChannel.objects.filter(channel__in=seen))


class FollowUpFilter(RadioFilter):
    title = gettext_lazy("follow-up")
    parameter_name = "follow_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("due", gettext_lazy("Due now")), ("planned", gettext_lazy("Planned"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        if self.value() == "due":
            return queryset.filter(follow_up_at__lte=now)
        return queryset.filter(follow_up_at__gt=now) if self.value() == "planned" else queryset


class NeverLabelledFilter(RadioFilter):
    """The contacts that the home page counts as never labelled."""

    title = gettext_lazy("never labelled")
    parameter_name = "never_labelled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        limit = in_words(ReportLimits.now().never_labelled, english=get_language() == "en")
        return [("1", _("Yes, and wrote over %(limit)s ago") % {"limit": limit})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return never_labelled(queryset, now=timezone.now()) if self.value() == "1" else queryset


class StaleFilter(RadioFilter):
    """Contacts with a label that is over its limit."""

    title = gettext_lazy("stale label")
    parameter_name = "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("1", gettext_lazy("Has a stale label"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        flagged = StaleFlag.objects.filter(closed_at__isnull=True)
        return among(request, queryset, flagged) if self.value() == "1" else queryset


class SegmentFilter(DropdownFilter):
    """The contacts of a saved segment, as far as the reader sees them.

    Nobody's where that is one they do not see, or one that cannot be read any more.
    """

    title = gettext_lazy("segment")
    parameter_name = "segment"
    hidden = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        viewer = viewer_of(request.user)
        may_name = viewer.may("reports.view_segment")
        rows = Segment.objects.visible_to(viewer) if may_name else Segment.objects.none()
        names = {str(pk): name for pk, name in rows.order_by("name", "id").values_list("pk", "name")}
        if (chosen := self.value()) and chosen not in names:
            archived = Segment.all_objects.visible_to(viewer).filter(pk=row_id(chosen) or 0).first()
            unknown = _("one that is not there, or not shared with you")
            names[chosen] = archived.name if archived and may_name else unknown
        return list(names.items())

    def has_output(self) -> bool:
        """In use even where there is none to choose: whoever is sent a link to a hidden one must not see everybody."""
        return super().has_output() or bool(self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        pk, viewer = row_id(self.value()), viewer_of(request.user)
        if pk is None:
            return queryset
        segment = Segment.all_objects.visible_to(viewer).filter(pk=pk).first()
        if segment is None:
            self.hidden = True
            return queryset.none()
        try:
            members = Members(parse_definition(segment.definition), viewer, timezone.now())
        except InvalidDefinition:  # its page says what is wrong with it; until then it means nobody
            return queryset.none()
        ids = members.page(limit=FEW + 1)  # few are named one by one, as by `among`
        return queryset.filter(pk__in=ids) if len(ids) <= FEW else queryset & members.contacts()


LATELY = "lately"


class OptedOutFilter(RadioFilter):
    title = gettext_lazy("opted out")
    parameter_name = "opted_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [
            ("1", gettext_lazy("Yes")),
            (LATELY, gettext_lazy("In the last 7 days")),
            ("0", gettext_lazy("No")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == LATELY:
            return opted_out_lately(queryset, now=timezone.now())
        return queryset.filter(opted_out_at__isnull=self.value() == "0") if self.value() in ("0", "1") else queryset


def among(request: HttpRequest, contacts: QuerySet[Any], rows: QuerySet[Any]) -> QuerySet[Any]:
    """`contacts`, of whom `pointed_to` leaves those that `rows` point to."""
    request.__dict__.setdefault("_labelcrm_among", []).append(rows)
    return contacts


def pointed_to(request: HttpRequest, contacts: QuerySet[Any]) -> QuerySet[Any]:
    """The contacts that the rows of every filter of this request point to (`among`), looked up at once.

    Few are named one by one. Many are looked for along the order of the list, which finds the first page soon; the
    same way would read the whole table for few, and PostgreSQL cannot tell which it is when filters are combined.
    """
    filters: list[QuerySet[Any]] = request.__dict__.pop("_labelcrm_among", [])
    if not filters:
        return contacts
    common = filters[0]
    for rows in filters[1:]:
        common = rows.filter(contact_id__in=common.values("contact_id"))
    ids = list(common.order_by().values_list("contact_id", flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return contacts.filter(pk__in=ids)
    for rows in filters:
        contacts = contacts.filter(pk__in=rows.values("contact_id"))
    return contacts


def active_labels(request: HttpRequest) -> QuerySet[Any]:
    """Labels that are on now, on channels this user sees."""
    rows = LabelAssignment.objects.visible_to(viewer_of(request.user))
    return rows.filter(removed_at__isnull=True, channel_label__hidden=False)


def asked_labels(request: HttpRequest) -> QuerySet[Any]:
    """Active labels that were put on by whom, and as long ago as, the filters of this request say."""
    rows = active_labels(request)
    agent, before = row_id(request.GET.get(LABELLED_BY)), _asked_before(request)
    rows = rows.filter(added_by=agent) if agent else rows
    return rows.filter(added_at__lt=before) if before else rows


def _asked_before(request: HttpRequest) -> datetime | None:
    """By when a label must have been put on to be as old as the filters of this request say."""
    days = row_id(request.GET.get(LABEL_AGE))
    return timezone.now() - timedelta(days=min(days, MAX_AGE)) if days else None


def asked_ids(request: HttpRequest) -> set[int]:
    """The labels that the filters of this request ask for."""
    return {pk for name in ("label", "label_all") for pk in _ids(request.GET.getlist(name))}


def asked_labels_of(request: HttpRequest) -> Callable[[LabelAssignment], bool]:
    """Whether a label is one that the filters of this request ask for."""
    ids, agent, before = asked_ids(request), row_id(request.GET.get(LABELLED_BY)), _asked_before(request)
    return lambda on: (
        (not ids or on.label_id in ids)
        and (not agent or on.added_by_id == agent)
        and (before is None or on.added_at < before)
    )


def by_label_age(request: HttpRequest) -> ByLabelAge | None:
    """The order by the label that the list tells the age of; None where it asks for no label by name.

    It is the newest of those asked for, of which a contact may have several, and one on several numbers.
    """
    ids = asked_ids(request)
    if not ids or NO_LABEL in request.GET.getlist(LabelFilter.parameter_name):
        return None
    asked = asked_labels(request).filter(label_id__in=ids)
    is_newer = Q(added_at__gt=OuterRef("added_at")) | Q(added_at=OuterRef("added_at"), id__gt=OuterRef("id"))
    newest = asked.filter(~Exists(asked.filter(is_newer, contact=OuterRef("contact"))))
    return ByLabelAge(newest, sorted(ids))


class ByLabelAge(Keyset):
    """The contacts of a list by how long their label is on.

    Each of the asked labels is walked along its own index: for several at once PostgreSQL would sort all there are.
    """

    def __init__(self, labels: QuerySet[Any], ids: Collection[int], *, descending: bool = False) -> None:
        super().__init__("added_at", "contact_id", descending=descending)
        self._labels, self._ids = labels, ids

    def turned(self, *, descending: bool) -> ByLabelAge:
        return ByLabelAge(self._labels, self._ids, descending=descending)

    def cursor(self, row: Any) -> str:
        return super().cursor(row.walked)

    def page(
        self, rows: QuerySet[Any], *, size: int, after: str | None, before: str | None
    ) -> tuple[list[Any], bool, bool]:
        walked, newer, older = super().page(rows, size=size, after=after, before=before)
        contacts = rows.in_bulk([label.contact_id for label in walked])
        found = []
        for label in walked:
            if label.contact_id in contacts:  # else archived this moment
                found.append(contacts[label.contact_id])
                found[-1].walked = label
        return found, newer, older

    def _walk(self, rows: QuerySet[Any], place: list[Any] | None, size: int, *, forward: bool) -> list[Any]:
        """The next labels whose contacts are in the list: most often they are among the next few of all.

        These are asked for by id. To look whether any contact is in the list, PostgreSQL may gather all that are.
        """
        near = self._met(self._labels, place, NEAR, forward=forward)
        seen = rows.prefetch_related(None).filter(pk__in=[label.contact_id for label in near])
        listed = set(seen.values_list("pk", flat=True))
        found = [label for label in near if label.contact_id in listed]
        if len(found) < size and len(near) == NEAR:
            within = self._labels.filter(contact__in=rows.prefetch_related(None).values("pk"))
            found = self._met(within, place, size, forward=forward)
        return found[:size]

    def _met(self, labels: QuerySet[Any], place: list[Any] | None, size: int, *, forward: bool) -> list[Any]:
        each = (
            super(ByLabelAge, self)._walk(labels.filter(label=pk), place, size, forward=forward) for pk in self._ids
        )
        met = sorted(chain(*each), key=lambda on: (on.added_at, on.contact_id), reverse=self.descending == forward)
        return met[:size]

    def _place(self, model: type[Model], cursor: str) -> list[Any]:
        return super()._place(LabelAssignment, cursor)


def _of_any_label(request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Whoever has any label as asked, where no other filter asks for one already."""
    named = asked_ids(request) or any(request.GET.getlist("category"))
    return queryset if named else among(request, queryset, asked_labels(request))


def agents_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The agents that this user sees, to choose from; loaded once per request."""
    if not hasattr(request, "_labelcrm_agents"):
        agents = Agent.objects.visible_to(viewer_of(request.user)).order_by("name")
        request._labelcrm_agents = [(str(agent.pk), agent.name) for agent in agents]  # type: ignore[attr-defined]
    return request._labelcrm_agents  # type: ignore[attr-defined]


def numbers_of(request: HttpRequest) -> dict[int, NumberNow]:
    """The numbers that this user sees, by id, each with its owner; loaded once per request."""
    if not hasattr(request, "_labelcrm_numbers"):
        visible = Channel.objects.visible_to(viewer_of(request.user))
        numbers = numbers_now(visible, now=timezone.now(), zone=settings.TIME_ZONE)
        request._labelcrm_numbers = numbers  # type: ignore[attr-defined]
    return request._labelcrm_numbers  # type: ignore[attr-defined]


def labels_of(request: HttpRequest) -> list[Label]:
    """All living labels in the order of their categories, loaded once per request."""
    if not hasattr(request, "_labelcrm_labels"):
        rows = Label.objects.visible_to(viewer_of(request.user)).select_related("category")
        request._labelcrm_labels = list(rows.order_by("category__position", "category_id", "step", "name"))  # type: ignore[attr-defined]
    return request._labelcrm_labels  # type: ignore[attr-defined]


def _ids(chosen: Iterable[str]) -> list[int]:
    return [pk for pk in map(row_id, chosen) if pk]


def _choices(labels: Any) -> list[tuple[str, str]]:
    return [(str(label.pk), str(label)) for label in labels]
