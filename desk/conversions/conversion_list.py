"""The page of conversions: how many in a period, who can have them, and each of them with where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Campaign
from contacts.selectors.viewing import viewer_of
from desk.conversions.conversion_words import ERRORS, HELP, LOOKS, REASONS, why_held
from labelcrm.lib.numbers import row_id
from reports.selectors import periods
from transfer.conversions import conversion_settings
from transfer.conversions.conversion_files import RIGHTS as FILE_RIGHTS
from transfer.conversions.models import (
    FILE_TARGETS,
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    ConversionFile,
    ConversionState,
    DeliveryState,
    MetaConnection,
    Target,
)
from transfer.conversions.targets import TargetCounts, conversions_of, counted_for_targets, counts

RIGHTS = ("contacts.view_contact", "reports.view_report")
LISTED = 50
FILES = 10
PERIODS = {
    "last_7": gettext_lazy("Last 7 days"),
    "last_30": gettext_lazy("Last 30 days"),
    "last_90": gettext_lazy("Last 90 days"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
}
DEFAULT_PERIOD = "last_30"
NONE = "none"  # no campaign


def may_look(request: HttpRequest) -> None:
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied


class ChoiceForm(forms.Form):
    """What the page shows; a value that means nothing is as if nobody had chosen it."""

    period = forms.ChoiceField(label=gettext_lazy("Period"), choices=list(PERIODS.items()), required=False)
    event = forms.ChoiceField(label=gettext_lazy("Event"), required=False)
    campaign = forms.ChoiceField(label=gettext_lazy("Campaign"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)

    def __init__(self, *args: Any, events: list[ConversionEvent], campaigns: list[Campaign], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = ("", _("all"))
        chosen: Any = self.fields
        chosen["event"].choices = [everything, *((event.code, str(event)) for event in events)]
        chosen["campaign"].choices = [everything, *((str(c.pk), c.name) for c in campaigns), (NONE, _("no campaign"))]
        chosen["state"].choices = [everything, *ConversionState.choices]
        for field in self.fields.values():
            field.widget.attrs["class"] = "lc-input"

    def chosen(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))


@dataclass(frozen=True, slots=True)
class SumLine:
    """A campaign's conversions of the period: how many of each event, and what they are worth together."""

    campaign: Campaign | None
    cells: list[tuple[ConversionEvent, int]]
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class TargetLine:
    """What a target can have, in words."""

    target: Target
    counts: TargetCounts
    help: str | Promise
    refused: list[tuple[str | Promise, int]]
    is_file: bool


@dataclass(frozen=True, slots=True)
class ConversionLine:
    """One conversion as the list shows it."""

    conversion: Any
    state: str | Promise
    look: str
    because: str | Promise
    may_change: bool


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """All of it. A fixed number of queries, whatever there is."""
    may_look(request)
    now, viewer = timezone.now(), viewer_of(request.user)
    events = list(ConversionEvent.objects.all())
    campaigns = list(Campaign.all_objects.visible_to(viewer).order_by("name"))
    data = {"period": DEFAULT_PERIOD} | request.GET.dict()
    form = ChoiceForm(data, events=events, campaigns=campaigns)
    period = periods.preset(form.chosen("period") or DEFAULT_PERIOD, now=now)
    everything = conversions_of(viewer)
    recent = counted_for_targets(everything, now=now)
    in_period = everything.filter(occurred_at__gte=period.start, occurred_at__lt=period.end)
    rows = _narrowed(in_period, form)
    lines, older = _page(rows, request, form)
    connection = MetaConnection.objects.first()
    context = {
        **admin.site.each_context(request),
        "title": _("Conversions"),
        "form": form,
        "period": period,
        "events": events,
        "sums": _sums(in_period, events, campaigns),
        "targets": [_target_line(recent, target, now) for target in Target if _shown(target, connection)],
        "connection": connection,
        "stopped": ERRORS.get(connection.stopped, "") if connection is not None and connection.enabled else "",
        "lines": lines,
        "older": older,
        "newest": _address(form) if request.GET.get("before") else "",
        "narrowed": any(form.chosen(name) for name in ("event", "campaign", "state")),
        "files": list(_files(request)),
        "may_make": request.user.has_perms(FILE_RIGHTS),
        "may_change": request.user.has_perm(conversion_settings.SETS_EVENTS),
        "may_connect": request.user.has_perm(conversion_settings.SETS_CONNECTION),
    }
    return TemplateResponse(request, "conversions/list.html", context)


def _shown(target: Target, connection: MetaConnection | None) -> bool:
    return target in FILE_TARGETS or (connection is not None and connection.enabled)


def _files(request: HttpRequest) -> QuerySet[ConversionFile]:
    seen = ConversionFile.objects.visible_to(viewer_of(request.user))
    return seen.select_related("job", "owner")[:FILES] if request.user.has_perms(FILE_RIGHTS) else seen.none()


# -- How many ---------------------------------------------------------------------------------------------------------


def _sums(rows: QuerySet[Any], events: list[ConversionEvent], campaigns: list[Campaign]) -> list[SumLine]:
    """By campaign and event, most first. What was found counts nowhere: nobody knows when it was."""
    grouped = rows.filter(found=False).order_by().values_list("campaign", "event")
    cells: dict[int | None, dict[int, tuple[int, Decimal | None]]] = {}
    for campaign, event, n, value in grouped.annotate(n=Count("pk"), worth=Sum("value")):
        cells.setdefault(campaign, {})[event] = (n, value)
    by_id = {campaign.pk: campaign for campaign in campaigns}
    lines = [
        SumLine(
            by_id.get(pk) if pk else None,
            [(event, found.get(event.pk, (0, None))[0]) for event in events],
            _total(value for _n, value in found.values()),
        )
        for pk, found in cells.items()
    ]
    return sorted(
        lines, key=lambda line: (-sum(n for _event, n in line.cells), line.campaign.name if line.campaign else "")
    )


def _total(values: Iterator[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def _target_line(rows: QuerySet[Any], target: Target, now: datetime) -> TargetLine:
    found = counts(rows, target, now=now)
    refused = [(REASONS[code], n) for code, n in found.refused.items()]
    return TargetLine(target, found, HELP[target], refused, target in FILE_TARGETS)


# -- Each -------------------------------------------------------------------------------------------------------------


def _narrowed(rows: Any, form: ChoiceForm) -> QuerySet[Any]:
    event, campaign, state = (form.chosen(name) for name in ("event", "campaign", "state"))
    rows = rows.filter(event__code=event) if event else rows
    if campaign:
        rows = rows.filter(campaign=None if campaign == NONE else int(campaign))
    rows = rows.with_state()
    return rows.filter(state=state) if state else rows


def _page(rows: QuerySet[Any], request: HttpRequest, form: ChoiceForm) -> tuple[list[ConversionLine], str]:
    """The next of them, newest first, and where the older ones are."""
    last = Conversion.objects.filter(pk=row_id(request.GET.get("before", "")) or 0).first()
    if last is not None:
        rows = rows.filter(Q(occurred_at__lt=last.occurred_at) | Q(occurred_at=last.occurred_at, pk__lt=last.pk))
    related = ("contact", "event", "label", "campaign")
    found = list(rows.select_related(*related).order_by("-occurred_at", "-pk")[: LISTED + 1])
    older = _address(form, before=found[LISTED - 1].pk) if len(found) > LISTED else ""
    return list(_lines(found[:LISTED], request)), older


def _address(form: ChoiceForm, **more: Any) -> str:
    given = {name: form.chosen(name) for name in form.fields} | more
    return "?" + urlencode({name: value for name, value in given.items() if value})


def _lines(found: list[Any], request: HttpRequest) -> Iterator[ConversionLine]:
    may = request.user.has_perm(conversion_settings.SETS_EVENTS)
    failed = ConversionDelivery.objects.filter(conversion__in=found, state=DeliveryState.FAILED).order_by("id")
    errors = {row.conversion_id: row for row in failed} if found else {}
    for conversion in found:
        state = ConversionState(conversion.state)
        yield ConversionLine(
            conversion,
            state.label,
            LOOKS.get(state, ""),
            _because(conversion, state, errors.get(conversion.pk)),
            may and state in (ConversionState.NEW, ConversionState.HELD),
        )


def _because(conversion: Any, state: ConversionState, failed: Any) -> str | Promise:
    if state is ConversionState.FAILED and failed is not None:
        words = ERRORS.get(failed.error, failed.error)
        return f"{words}: {failed.told}" if failed.told else words
    return why_held(conversion) if state in (ConversionState.HELD, ConversionState.NEW) else ""


class AmountForm(forms.Form):
    value = forms.DecimalField(min_value=0, max_digits=14, decimal_places=0, required=False)


@require_POST
def set_value(request: HttpRequest, pk: int) -> HttpResponse:
    """The amount of one conversion by hand; an empty one goes by the settings again."""
    may_look(request)
    if not request.user.has_perm(conversion_settings.SETS_EVENTS):
        raise PermissionDenied
    conversion = conversions_of(viewer_of(request.user)).filter(pk=pk).first()
    if conversion is None:
        raise Http404
    form = AmountForm(request.POST)
    if form.is_valid():
        _set_value(request, conversion, form.cleaned_data["value"])
    else:
        messages.error(request, _("Write an amount in rupiah, without a sign."))
    return HttpResponseRedirect(reverse("admin:conversions"))


def _set_value(request: HttpRequest, conversion: Conversion, value: Decimal | None) -> None:
    try:
        conversion_settings.set_value_by_hand(conversion, value, actor=request.user)
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    else:
        messages.success(request, _("Saved."))
