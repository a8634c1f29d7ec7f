"""The list of contradicting labels: who has them, why they do not go together, and what to do about it.

A label that lives here comes off with one click. One of WhatsApp is taken off there: the line says where, and after
"done" it waits for the event. What was settled, and by whom, is listed by `desk.labels.contradiction_flags`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Agent, Channel, Contact
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.viewing import viewer_of
from desk.reports import report_downloads
from labelcrm.core.dates import moment_of
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels.models import ContradictionFlag, Label
from labels.selectors import contradictions as rules
from labels.selectors.contradictions import EXCLUSIVE, LOYAL_NEW, NEW_ORDER, OLDER, PAIR, RULES, LabelPlaces
from labels.selectors.stale_contacts import last_messages
from labels.services import contradiction_fixes as fixes
from labels.services.contradiction_fixes import FindingKey
from reports.definitions import definition
from reports.query import InvalidQuery, ReportQuery, parse_query
from reports.registry import REPORTS
from reports.selectors import contradictions
from reports.selectors.contradictions import ContradictionRow, Counts, FindingPlace
from transfer.layouts import RECORD_LAYOUTS

MAY_READ = ("reports.view_report", "contacts.view_contact")
MAY_FIX = "labels.change_contradictionflag"
THROUGH = "contradictions"  # what the history of fixes says
FIX, KEEP, TAKE_BACK = "fix", "keep", "back"
SIZE = 25
FILTERS = ("rule", "agent", "label", "channel")
RULE_NAMES = {
    OLDER: gettext_lazy("older than done"),
    EXCLUSIVE: gettext_lazy("exclude each other"),
    LOYAL_NEW: gettext_lazy("loyal and new"),
    PAIR: gettext_lazy("do not go together"),
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
    """A finding on the page; `contact` is None for one that the reader may not see, `last` their last message.

    `off` names the labels that should come off, `place` says where they are on, `others` what else could. `flag` is
    there once the job has come by; `key` names the finding in the form.
    """

    row: ContradictionRow
    contact: Any
    labels: list[tuple[Label, Any]]
    short: str
    last: Any
    key: str
    off: str
    place: LabelPlaces
    others: list[Label]
    flag: ContradictionFlag | None


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/reports/contradictions/`; the FILTERS narrow it, `?after=` goes on, `?format=` makes a file of all."""
    if not request.user.has_perms(MAY_READ):
        raise PermissionDenied
    given = _given(request)
    query = _query(request, given)
    if (code := request.GET.get("format", "")) in RECORD_LAYOUTS:
        return report_downloads.download(request, query, code=code)
    rule, agent = given.get("rule", ""), row_id(given.get("agent"))
    kinds = (rule,) if rule in RULE_NAMES else RULES
    after = _place(request.GET.get("after", ""))
    rows, counts = contradictions.listed(query.question, limit=SIZE + 1, after=after, rules=kinds, agent=agent)
    shown, labels = rows[:SIZE], Label.all_objects.in_bulk()
    told = _told(query, given, counts) if counts is not None else None
    context = {
        **admin.site.each_context(request),
        "title": _("Contradictions"),
        "lines": _lines(shown, query.viewer, labels),
        "counted": told["text"] if told else "",
        "count_url": reverse("report-contradictions-count") + "?" + urlencode(given),
        "hints": told["links"]["hints"] if told else "",
        "hints_url": "?" + urlencode(given | {"rule": NEW_ORDER}),
        "are_hints": rule == NEW_ORDER,
        "filters": _filters(query, given, told["choices"] if told else _choices(query.viewer), labels),
        "is_narrowed": bool(given),
        "older": "?" + urlencode(given | {"after": _written(shown[-1])}) if len(rows) > SIZE else "",
        "first": "?" + urlencode(given) if after else "",
        "meaning": definition("contradictions", get_language()),
        "may_fix": request.user.has_perm(MAY_FIX),
        "waiting": _waiting(query.viewer),
        "color_findings": [] if given else rules.colors(query.viewer),
        "query": urlencode(given | ({"after": request.GET["after"]} if after else {})),
        "downloads": report_downloads.links(request.user, lambda code: "?" + urlencode(given | {"format": code})),
    }
    return TemplateResponse(request, "reports/contradictions.html", context)


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """What `_told` says; a page that could be shown without reading all asks for it once it has come."""
    if not request.user.has_perms(MAY_READ):
        raise PermissionDenied
    given = _given(request)
    query = _query(request, given)
    return JsonResponse(_told(query, given, contradictions.counts(query.question)))


def _given(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in FILTERS if request.GET.get(name)}


def _query(request: HttpRequest, given: dict[str, str]) -> ReportQuery:
    """What is open now; what is no filter value narrows nothing."""
    asked = {name: text for name, text in given.items() if name != "rule"}
    viewer = viewer_of(request.user)
    try:
        return parse_query(REPORTS["contradictions"], asked, viewer=viewer)
    except InvalidQuery:
        return parse_query(REPORTS["contradictions"], {}, viewer=viewer)


def _lines(rows: list[ContradictionRow], viewer: Viewer, labels: dict[int, Label]) -> list[FindingLine]:
    ids = {row.contact for row in rows}
    contacts = Contact.objects.visible_to(viewer).in_bulk(ids)
    last = last_messages(sorted(contacts), viewer)
    places = rules.places({(row.contact, label.label) for row in rows for label in row.labels}, viewer)
    flags = ContradictionFlag.objects.filter(contact__in=contacts, closed_at__isnull=True).select_related("awaited")
    known = {(flag.contact_id, flag.rule_id, flag.group): flag for flag in flags}
    return [_line(row, contacts, labels, last, places, known) for row in rows]


def _line(row: ContradictionRow, contacts: Any, labels: Any, last: Any, places: Any, flags: Any) -> FindingLine:
    on = [labels[label.label] for label in row.labels]
    flag = flags.get((row.contact, row.rule_id, row.group))
    awaited = flag.awaited if flag is not None else None
    proposed = [awaited] if awaited is not None else rules.to_take_off(row.rule, on)
    where = [places[row.contact, label.pk] for label in proposed]
    return FindingLine(
        row,
        contacts.get(row.contact),
        [(labels[label.label], label.since) for label in row.labels],
        str(RULE_NAMES[row.rule]),
        last.get(row.contact),
        key=f"{row.contact}-{row.rule_id}-{row.group}",
        off=rules.quoted(proposed),
        place=LabelPlaces(
            here=all(place.here for place in where),
            numbers=list(dict.fromkeys(name for place in where for name in place.numbers)),
        ),
        others=[label for label in on if label not in proposed or len(proposed) > 1],
        flag=flag,
    )


def _counted(count: int) -> str:
    return ngettext("%(n)s finding", "%(n)s findings", count) % {"n": number_format(count, force_grouping=True)}


def _waiting(viewer: Viewer) -> int:
    """How many wait for a label to come off in WhatsApp."""
    open_flags = ContradictionFlag.objects.visible_to(viewer).filter(closed_at__isnull=True)
    return open_flags.filter(awaited__isnull=False, contact__deleted_at__isnull=True).count()


def _told(query: ReportQuery, given: dict[str, str], counts: Counts) -> dict[str, Any]:
    """How many findings there are, in words as `text`; what each of the `choices` has; and what `links` say."""
    rule, agent = given.get("rule", ""), row_id(given.get("agent"))
    kinds = (rule,) if rule in RULE_NAMES else RULES
    hints = 0 if rule else sum(n for (kind, _who), n in counts.items() if kind == NEW_ORDER)
    words = ngettext("%(n)s more may be a new order", "%(n)s more may be new orders", hints)
    per_rule = {kind: sum(n for (found, _who), n in counts.items() if found == kind) for kind in RULE_NAMES}
    return {
        "text": _counted(sum(n for (kind, who), n in counts.items() if kind in kinds and agent in (None, who))),
        "choices": {
            "rule": [
                (kind, _with_count(str(RULE_NAMES[kind]), n)) for kind, n in per_rule.items() if n or kind in RULES
            ],
            "agent": _agents(query.viewer, counts),
        },
        "links": {"hints": words % {"n": number_format(hints, force_grouping=True)} if hints else ""},
    }


def _choices(viewer: Viewer) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen where nothing is counted yet."""
    agents = ((str(agent.pk), agent.name) for agent in Agent.objects.visible_to(viewer))
    return {"rule": [(kind, str(name)) for kind, name in RULE_NAMES.items()], "agent": sorted(agents, key=_by_name)}


def _filters(
    query: ReportQuery, given: dict[str, str], choices: dict[str, list[tuple[str, str]]], known: dict[int, Label]
) -> list[FindingChoice]:
    ids = rules.labels_of_rules(query.question.contradicting)
    labels = [known[pk] for pk in ids if pk in known and not known[pk].is_archived]
    channels = Channel.objects.visible_to(query.viewer).exclude(gateway=CRM_GATEWAY)
    found = [
        ("rule", _("Why"), choices["rule"]),
        ("agent", _("CS"), choices["agent"]),
        ("label", _("Label"), sorted(((str(label.pk), str(label)) for label in labels), key=_by_name)),
        ("channel", _("Number"), [(channel.key, channel.name) for channel in channels]),
    ]
    return [FindingChoice(name, title, choices, given.get(name, "")) for name, title, choices in found]


def _agents(viewer: Viewer, counts: Counts) -> list[tuple[str, str]]:
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
    return f"{timezone.localtime(row.since).isoformat()}~{row.contact}~{row.rule}~{row.rule_id}~{row.group}"


def _place(text: str) -> FindingPlace | None:
    """Raises BadRequest for what is no place of ours."""
    if not text:
        return None
    since, contact, rule, rule_id, group = (*text.split("~", 4), "", "", "", "")[:5]
    at, of, by = moment_of(since, offset=True), row_id(contact), row_id(rule_id)
    if at is None or of is None or by is None or rule not in RULE_NAMES or "\x00" in group:
        raise BadRequest("This page address is damaged.")
    return FindingPlace(at, of, rule, by, group)


# -- What its buttons do ----------------------------------------------------------------------------------------------


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Fix what was chosen, one line by its own button or all that are ticked, and go back to the list."""
    if not request.user.has_perms((*MAY_READ, MAY_FIX)):
        raise PermissionDenied
    do, _tilde, chosen = request.POST.get("one", "").partition("~")
    label: int | None = None
    if chosen:
        text, _tilde, number = chosen.rpartition("~")
        asked, label = [text], row_id(number)
    else:
        do, asked = request.POST.get("do", ""), request.POST.getlist("finding")[:SIZE]
    if do not in ACTIONS:
        raise BadRequest("Nothing is to be done.")
    reason = request.POST.get(f"reason-{asked[0]}" if chosen else "reason", "")
    _do(request, do, [key for text in asked if (key := _key(text)) is not None], label=label, reason=reason)
    return HttpResponseRedirect(f"{reverse('report-contradictions')}?{request.META['QUERY_STRING']}")


def _do(request: HttpRequest, do: str, keys: list[FindingKey], *, label: int | None, reason: str) -> None:
    """Each by itself: one that is settled meanwhile does not hold up the others."""
    seen = Contact.objects.visible_to(viewer_of(request.user)).filter(pk__in={key.contact for key in keys})
    visible, done = set(seen.values_list("pk", flat=True)), 0
    said: list[str] = []
    for key in keys:
        try:
            if key.contact in visible:
                said.append(ACTIONS[do](request.user, key, label, reason))
                done += 1
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    if done == 1:
        messages.success(request, said[0])
    elif done:
        words = ngettext("%(n)s contradiction was dealt with.", "%(n)s contradictions were dealt with.", done)
        messages.success(request, words % {"n": done})
    elif not keys:
        messages.warning(request, _("Nothing was chosen."))


def _fix(user: Any, key: FindingKey, label: int | None, _reason: str) -> str:
    chosen = Label.all_objects.filter(pk=label).first() if label is not None else None
    fix = fixes.fix(key, label=chosen, actor=user, through=THROUGH)
    if fix.awaited:
        words = _("Waiting for %(labels)s to come off in WhatsApp. The line disappears by itself.")
        return words % {"labels": rules.quoted(fix.labels)}
    return _("Taken off: %(labels)s.") % {"labels": rules.quoted(fix.labels)}


def _keep(user: Any, key: FindingKey, _label: int | None, reason: str) -> str:
    fixes.keep_both(key, actor=user, reason=reason, through=THROUGH)
    return _("Both are right: this is no contradiction while these labels last.")


def _take_back(user: Any, key: FindingKey, _label: int | None, _reason: str) -> str:
    flags = ContradictionFlag.objects.filter(contact=key.contact, rule=key.rule, group=key.group, closed_at=None)
    for flag in flags:
        fixes.take_back(flag, actor=user)
    return _("Nothing is awaited any more.")


ACTIONS = {FIX: _fix, KEEP: _keep, TAKE_BACK: _take_back}


def _key(text: str) -> FindingKey | None:
    """What a form calls a finding; None for what is none of ours."""
    contact, rule, group = (*text.split("-", 2), "", "")[:3]
    of, by = row_id(contact), row_id(rule)
    return FindingKey(of, by, group[:30]) if of and by and "\x00" not in group else None
