"""The log of restatements: what changed figures of days that were over, when, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.defaultfilters import date as format_date
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from contacts.models import Channel, Contact
from contacts.selectors.viewing import viewer_of
from desk.base import history
from desk.base.days import typed_period
from desk.templatetags.labelcrm import length
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, Label
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import restatements
from reports.selectors.restatements import HISTORY, LATE, Restatement

MAY_READ = "reports.view_report"
SIZE = 50
LONGEST = timedelta(days=90)
PRESETS = {
    "last_7": gettext_lazy("7 days"),
    "last_30": gettext_lazy("30 days"),
    "last_90": gettext_lazy("90 days"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
}
# What of the log may be asked for alone, and the kinds that are it.
TOPICS = {
    "meaning": (gettext_lazy("Meaning of WhatsApp labels"), {"label.remapped", "label.remap_taken_back"}),
    "label": (gettext_lazy("Labels and their settings"), {"label.changed", "label.merged", "label.unmerged"}),
    "number": (gettext_lazy("Settings of numbers"), {"channel.changed"}),
    "contact": (gettext_lazy("Contacts"), {*restatements.ABOUT_CONTACTS}),
    "late": (gettext_lazy("Late events"), {LATE, HISTORY}),
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """A restatement on the page: what was done, to what, by whom, with the contacts it is about."""

    at: datetime
    topic: Any
    what: str
    url: str
    who: str
    contacts: list[Contact]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/restatements/`; `?topic=`, a period, a team or a number narrow it, `?p=` turns its pages."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    query, problem = _query(request)
    topic = request.GET.get("topic", "")
    found = restatements.log(query.viewer, query.period, channels=query.filters.channels)
    kinds = TOPICS[topic][1] if topic in TOPICS else None
    chosen = [each for each in found if kinds is None or each.kind in kinds]
    pages = Paginator(chosen, SIZE).get_page(request.GET.get("p"))
    context = {
        **admin.site.each_context(request),
        "title": _("What changed the past"),
        "query": query,
        "problem": problem,
        "counted": ngettext("%(n)s change", "%(n)s changes", len(chosen)) % {"n": _number(len(chosen))},
        "lines": _lines(list(pages.object_list), query.viewer),
        "filters": _filters(query, topic),
        "newer": _turned(request, pages.previous_page_number()) if pages.has_previous() else "",
        "older": _turned(request, pages.next_page_number()) if pages.has_next() else "",
    }
    return TemplateResponse(request, "reports/restatements.html", context)


@require_safe
def counted(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/restatements/count/`: how many changes to the past the same address lists, in words.

    A page asks for it once it stands, because finding late events takes longer than a page may.
    """
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    query, _problem = _query(request)
    n = len(restatements.log(query.viewer, query.period, channels=query.filters.channels))
    first = format_date(timezone.localtime(query.period.start), "DATE_FORMAT")
    words = ngettext("%(n)s change to the past since %(day)s", "%(n)s changes to the past since %(day)s", n)
    return JsonResponse({"text": words % {"n": _number(n), "day": first}})


def restated_since(query: ReportQuery) -> dict[str, str]:
    """The log from the end of a period that is over on, else from its start: what its figures may have changed by.

    `url` is its address, `count_url` says how many lines it has. It reaches back no further than LONGEST.
    """
    over = query.period.end <= query.now
    start = max(query.period.end if over else query.period.start, query.now - LONGEST)
    asked = {"from": timezone.localtime(start).date().isoformat()}
    asked |= {name: str(query.shown[name]) for name in ("channel", "team") if query.shown.get(name)}
    log = reverse("report-restatements")
    return {"url": f"{log}?{urlencode(asked)}", "count_url": f"{log}count/?{urlencode(asked)}"}


def _query(request: HttpRequest) -> tuple[ReportQuery, str]:
    """The period and scope; the same words as the report of data health."""
    given = typed_period(
        {name: str(value) for name, value in request.GET.items() if value and name not in ("p", "topic")}
    )
    if given.get("from") or given.get("to"):
        given.pop("period", None)
    viewer = viewer_of(request.user)
    try:
        return parse_query(REPORTS["data-health"], given, viewer=viewer), ""
    except InvalidQuery as wrong:
        return parse_query(REPORTS["data-health"], {}, viewer=viewer), f"{wrong.name}: {wrong.message}"


def _filters(query: ReportQuery, topic: str) -> list[dict[str, Any]]:
    topics = [(name, words) for name, (words, _kinds) in TOPICS.items()]
    return [
        {"name": "period", "title": _("Period"), "choices": list(PRESETS.items()), "chosen": query.preset},
        {"name": "topic", "title": _("What"), "choices": topics, "chosen": topic},
    ]


def _turned(request: HttpRequest, number: int) -> str:
    asked = request.GET.copy()
    asked["p"] = str(number)
    return f"?{asked.urlencode()}"


# Whose settings change figures: the model, its name in the audit trail, and the page of one.
_SETTINGS: tuple[tuple[type[Model], str, str], ...] = (
    (Label, "labels.label", "admin:labels_label_change"),
    (Channel, "contacts.channel", "admin:contacts_channel_change"),
)


def _right(model: type[Model]) -> str:
    """What it takes to open the page of one."""
    return f"{model._meta.app_label}.change_{model._meta.model_name}"


# -- Lines in words ---------------------------------------------------------------------------------------------------


def _lines(found: list[Restatement], viewer: Viewer) -> list[LogLine]:
    """In words; one query for each kind of thing they name."""
    entries = [each.entry for each in found if each.entry is not None]
    words = _Words(
        viewer=viewer,
        users=User.objects.in_bulk({each.actor for each in found if each.actor is not None}),
        channels=Channel.all_objects.in_bulk({each.channel for each in found if each.channel is not None}),
        contacts=_contacts(found, viewer),
        whatsapp=ChannelLabel.objects.select_related("channel").in_bulk(
            {entry.object_id for entry in entries if entry.object_type == "labels.channellabel"}
        ),
        labels=Label.all_objects.in_bulk(
            {entry.details[name] for entry in entries for name in ("label", "target") if name in entry.details}
        ),
        changes={
            line.entry.pk: line.changes
            for model, kind, _view in _SETTINGS
            for line in history.lines(model, [each for each in entries if each.object_type == kind], viewer=viewer)
        },
    )
    return [words.line(each) for each in found]


def _contacts(found: list[Restatement], viewer: Viewer) -> dict[int, Contact]:
    if not viewer.may("contacts.view_contact"):
        return {}
    return Contact.all_objects.visible_to(viewer).in_bulk({pk for each in found for pk in each.contacts})


@dataclass(frozen=True, slots=True)
class _Words:
    """The rows that lines of a page name, by id."""

    viewer: Viewer
    users: dict[int, User]
    channels: dict[int, Channel]
    contacts: dict[int, Contact]
    whatsapp: dict[int, ChannelLabel]
    labels: dict[int, Label]
    changes: dict[int, Sequence[str]]  # of settings, by the entry's id

    def line(self, each: Restatement) -> LogLine:
        topic = next(words for words, kinds in TOPICS.values() if each.kind in kinds)
        user = self.users.get(each.actor or 0)
        who = (user.get_full_name() or user.get_username()) if user else _("by itself")
        contacts = [self.contacts[pk] for pk in each.contacts if pk in self.contacts]
        what, url = self._decision(each) if each.entry is not None else (self._counted(each), "")
        return LogLine(each.at, topic, what, url, who, contacts)

    def _decision(self, each: Restatement) -> tuple[str, str]:
        entry: Any = each.entry
        if entry.object_type == "labels.channellabel":
            return self._meaning(entry), ""
        view, right = next((view, _right(model)) for model, kind, view in _SETTINGS if kind == entry.object_type)
        url = reverse(view, args=[entry.object_id]) if self.viewer.may(right) else ""
        if "target" in entry.details:
            return self._merge(entry), url
        return f"{entry.object_name}: {'; '.join(self.changes[entry.pk])}", url

    def _meaning(self, entry: Any) -> str:
        row = self.whatsapp.get(entry.object_id)
        number = row.channel.name if row else ""
        label = self.labels.get(entry.details.get("label", 0))
        named = {"name": entry.object_name, "number": number, "label": label or "–"}
        if entry.action == "label.remap_taken_back":
            return _("“%(name)s” on %(number)s: a decision was taken back, it means “%(label)s” again") % named
        if entry.details.get("since"):
            return _("“%(name)s” on %(number)s means “%(label)s” from a day that was over") % named
        return _("“%(name)s” on %(number)s always meant “%(label)s”") % named

    def _merge(self, entry: Any) -> str:
        named = {"source": entry.object_name, "target": self.labels.get(entry.details["target"]) or "–"}
        if entry.action == "label.unmerged":
            return _("“%(source)s” was parted from “%(target)s” again") % named
        return _("“%(source)s” became part of “%(target)s”") % named

    def _counted(self, each: Restatement) -> str:
        named = {"n": _number(each.count)}
        if each.kind in (LATE, HISTORY):
            return self._late(each)
        return _about_contacts(each.kind, each.count) % named

    def _late(self, each: Restatement) -> str:
        channel = self.channels.get(each.channel or 0)
        words = ngettext(
            "%(number)s: %(n)s label event came late, by %(age)s",
            "%(number)s: %(n)s label events came late, by up to %(age)s",
            each.count,
        )
        if each.kind == HISTORY:
            words = ngettext(
                "%(number)s was connected and told %(n)s label event of the %(age)s before",
                "%(number)s was connected and told %(n)s label events of the %(age)s before",
                each.count,
            )
        named = {"number": channel.name if channel else "–", "n": _number(each.count), "age": length(each.oldest)}
        return words % named


def _about_contacts(kind: str, count: int) -> str:
    if kind == "contact.merged":
        return ngettext("%(n)s contact was merged into another", "%(n)s contacts were merged into others", count)
    if kind == "contact.unmerged":
        return ngettext("%(n)s contact was parted again", "%(n)s contacts were parted again", count)
    if kind == "contact.archived":
        return ngettext(
            "%(n)s contact was archived and left all figures",
            "%(n)s contacts were archived and left all figures",
            count,
        )
    return ngettext(
        "%(n)s contact was restored and is in all figures again",
        "%(n)s contacts were restored and are in all figures again",
        count,
    )


def _number(count: int) -> str:
    return str(number_format(count, force_grouping=True))
