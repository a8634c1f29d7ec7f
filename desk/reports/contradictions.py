"""The list of contradicting labels: who has them, why they do not go together, and whose it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from contacts.models import Agent, Channel, Contact
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.reports import report_downloads
from labelcrm.core.dates import moment_of
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import Label
from labels.selectors.stale_contacts import last_messages
from reports.definitions import definition
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import contradictions
from reports.selectors.contradictions import ContradictionRow, FindingPlace
from transfer.layouts import RECORD_LAYOUTS

MAY_READ = ("reports.view_report", "contacts.view_contact")
SIZE = 50
FILTERS = ("rule", "agent", "label", "channel")
RULE_NAMES = {
    OLDER: gettext_lazy("older than done"),
    EXCLUSIVE: gettext_lazy("exclude each other"),
    LOYAL_NEW: gettext_lazy("loyal and new"),
    NEW_ORDER: gettext_lazy("new order?"),
}


@dataclass(frozen=True, slots=True)
class FindingChoice:
    """A choice above the list: its parameter, what it is called, and what may be chosen."""

    name: str
    title: str
    choices: list[tuple[str, str]]
    chosen: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding on the page; `contact` is None for one that the reader may not see, `last` their last message."""

    row: ContradictionRow
    contact: Any
    labels: list[tuple[Label, Any]]
    short: str
    last: Any


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/contradictions/`; the FILTERS narrow it, `?after=` goes on, `?format=` makes a file of all."""
    if not request.user.has_perms(MAY_READ):
        raise PermissionDenied
    given = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    query = _query(request, given)
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS:
        return report_downloads.download(request, query, code=code)
    rule, agent = given.get("rule", ""), row_id(given.get("agent"))
    rules = (rule,) if rule in RULE_NAMES else RULES
    after = _place(request.GET.get("after", ""))
    rows, counts = contradictions.listed(query.question, limit=SIZE + 1, after=after, rules=rules, agent=agent)
    shown = rows[:SIZE]
    context = {
        **admin.site.each_context(request),
        "title": _("Contradictions"),
        "lines": _lines(shown, query.viewer),
        "counted": _counted(sum(n for (kind, who), n in counts.items() if kind in rules and agent in (None, who))),
        "hints": 0 if rule else sum(n for (kind, _who), n in counts.items() if kind == NEW_ORDER),
        "hints_url": "?" + urlencode(given | {"rule": NEW_ORDER}),
        "are_hints": rule == NEW_ORDER,
        "filters": _filters(query, given, counts),
        "is_narrowed": bool(given),
        "older": "?" + urlencode(given | {"after": _written(shown[-1])}) if len(rows) > SIZE else "",
        "first": "?" + urlencode(given) if after else "",
        "meaning": definition("contradictions", get_language()),
        "downloads": report_downloads.links(request.user, lambda code: "?" + urlencode(given | {"format": code})),
    }
    return TemplateResponse(request, "reports/contradictions.html", context)


def _query(request: HttpRequest, given: dict[str, str]) -> ReportQuery:
    """What is open now; what is no filter value narrows nothing."""
    asked = {name: text for name, text in given.items() if name != "rule"}
    viewer = viewer_of(request.user)
    try:
        return parse_query(REPORTS["contradictions"], asked, viewer=viewer)
    except InvalidQuery:
        return parse_query(REPORTS["contradictions"], {}, viewer=viewer)


def _lines(rows: list[ContradictionRow], viewer: Viewer) -> list[FindingLine]:
    ids = {row.contact for row in rows}
    contacts = Contact.objects.visible_to(viewer).in_bulk(ids)
    labels = Label.all_objects.in_bulk({label.label for row in rows for label in row.labels})
    last = last_messages(sorted(contacts), viewer)
    return [
        FindingLine(
            row,
            contacts.get(row.contact),
            [(labels[label.label], label.since) for label in row.labels],
            str(RULE_NAMES[row.rule]),
            last.get(row.contact),
        )
        for row in rows
    ]


def _counted(count: int) -> str:
    return ngettext("%(n)s finding", "%(n)s findings", count) % {"n": number_format(count, force_grouping=True)}


def _filters(
    query: ReportQuery, given: dict[str, str], counts: dict[tuple[str, int | None], int]
) -> list[FindingChoice]:
    per_rule = {rule: sum(n for (kind, _who), n in counts.items() if kind == rule) for rule in RULE_NAMES}
    rules = [(rule, _with_count(str(RULE_NAMES[rule]), n)) for rule, n in per_rule.items() if n or rule in RULES]
    labels = Label.objects.filter(KINDS["prospect"] | KINDS["won"] | KINDS["loyal"] | ~Q(exclusive_group=""))
    channels = Channel.objects.visible_to(query.viewer).exclude(gateway=CRM_GATEWAY)
    found = [
        ("rule", _("Why"), rules),
        ("agent", _("CS"), _agents(query.viewer, counts)),
        ("label", _("Label"), sorted(((str(label.pk), str(label)) for label in labels), key=_by_name)),
        ("channel", _("Number"), [(channel.key, channel.name) for channel in channels]),
    ]
    return [FindingChoice(name, title, choices, given.get(name, "")) for name, title, choices in found]


def _agents(viewer: Viewer, counts: dict[tuple[str, int | None], int]) -> list[tuple[str, str]]:
    per_agent: dict[int, int] = {}
    for (rule, who), n in counts.items():
        if who is not None and rule in RULES:
            per_agent[who] = per_agent.get(who, 0) + n
    agents = Agent.all_objects.visible_to(viewer).in_bulk(per_agent)
    return sorted(((str(pk), _with_count(agent.name, per_agent[pk])) for pk, agent in agents.items()), key=_by_name)


def _with_count(name: str, count: int) -> str:
    return f"{name} ({number_format(count, force_grouping=True)})"


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1].casefold()


# -- Places in it -----------------------------------------------------------------------------------------------------


def _written(row: ContradictionRow) -> str:
    return f"{timezone.localtime(row.since).isoformat()}~{row.contact}~{row.rule}"


def _place(text: str) -> FindingPlace | None:
    """Raises BadRequest for what is no place of ours."""
    if not text:
        return None
    first, _tilde, rest = text.partition("~")
    second, _tilde, rule = rest.partition("~")
    since, contact = moment_of(first, offset=True), row_id(second)
    if since is None or contact is None or rule not in RULE_NAMES:
        raise BadRequest("This page address is damaged.")
    return FindingPlace(since, contact, rule)
