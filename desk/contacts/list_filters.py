"""Filters of the contact list: by label, category, channel, agent, campaign."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, RadioFilter

from contacts.models import Channel, ContactChannel
from contacts.selectors.viewing import viewer_of
from labelcrm.lib.numbers import row_id
from labels.models import Label, LabelAssignment, StaleFlag
from reports.limits import ReportLimits, in_words
from reports.selectors.home import never_labelled

NO_LABEL = "none"
NOT_MAPPED = "unmapped"
FEW = 2000


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
        ids = [pk for pk in map(row_id, chosen) if pk]
        return among(request, queryset, active_labels(request).filter(label_id__in=ids)) if ids else queryset

    def value(self) -> list[str]:
        return self.used_parameters.get(self.parameter_name) or []


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
            ids = [label.pk for label in labels_of(request) if label.category_id == category]
        else:
            return queryset
        return among(request, queryset, active_labels(request).filter(label_id__in=ids))


class ChannelFilter(DropdownFilter):
    """Contacts known on a channel."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [(channel.pk, channel.name) for channel in Channel.objects.visible_to(viewer_of(request.user))]

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


class OptedOutFilter(RadioFilter):
    title = gettext_lazy("opted out")
    parameter_name = "opted_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("1", gettext_lazy("Yes")), ("0", gettext_lazy("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(opted_out_at__isnull=self.value() == "0") if self.value() in ("0", "1") else queryset


def among(request: HttpRequest, contacts: QuerySet[Any], rows: QuerySet[Any]) -> QuerySet[Any]:
    """The contacts that `rows` point to, and the rows of every filter of this request before.

    Few are named one by one. Many are looked for along the order of the list, which finds the first page soon; the
    same way would read the whole table for few, and PostgreSQL cannot tell which it is when filters are combined.
    """
    before: QuerySet[Any] | None = getattr(request, "_labelcrm_among", None)
    common = rows if before is None else rows.filter(contact_id__in=before.values("contact_id"))
    request._labelcrm_among = common  # type: ignore[attr-defined]
    ids = list(common.order_by().values_list("contact_id", flat=True)[: FEW + 1])
    return contacts.filter(pk__in=ids if len(ids) <= FEW else rows.values("contact_id"))


def active_labels(request: HttpRequest) -> QuerySet[Any]:
    """Labels that are on now, on channels this user sees."""
    rows = LabelAssignment.objects.visible_to(viewer_of(request.user))
    return rows.filter(removed_at__isnull=True, channel_label__hidden=False)


def labels_of(request: HttpRequest) -> list[Label]:
    """All living labels in the order of their categories, loaded once per request."""
    if not hasattr(request, "_labelcrm_labels"):
        rows = Label.objects.visible_to(viewer_of(request.user)).select_related("category")
        request._labelcrm_labels = list(rows.order_by("category__position", "category_id", "step", "name"))  # type: ignore[attr-defined]
    return request._labelcrm_labels  # type: ignore[attr-defined]


def _choices(labels: Any) -> list[tuple[str, str]]:
    return [(str(label.pk), str(label)) for label in labels]
