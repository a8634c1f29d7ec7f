"""Mapping: the page where the WhatsApp labels of all numbers are given their meaning, a row a name, decided in the row.

A row is saved without leaving the page (`static/labelcrm/rows.js`); without JavaScript the same form leads back to
it with a message. What was decided can be taken back while its answer is on the screen, and changed later in "Sorted".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN
from labelcrm.core.jobs import do_at_once
from labelcrm.lib.numbers import row_id, whole_number
from labels import jobs
from labels.models import Category, ChannelLabel, Label
from labels.models.canonical import ColorFamily
from labels.rules import suggesting
from labels.selectors import mapping
from labels.selectors.mapping import WhatsAppName
from labels.services import canonical, channel_labels

UNDECIDED, PLACEHOLDER, SORTED, IGNORED, DELETED, SYSTEM = (
    "undecided", "placeholder", "sorted", "ignored", "deleted", "system",
)  # fmt: skip
STATES: tuple[tuple[str, str | Promise], ...] = (
    ("", gettext_lazy("All in use")),
    (UNDECIDED, gettext_lazy("Needs a decision")),
    (PLACEHOLDER, gettext_lazy("Name not known yet")),
    (SORTED, gettext_lazy("Sorted")),
    (IGNORED, gettext_lazy("Not counted")),
    (DELETED, gettext_lazy("Deleted in WhatsApp")),
    (SYSTEM, gettext_lazy("WhatsApp's own lists")),
)
NEW, NONE = "new", "none"  # choices of a row beside our labels
FROM_TODAY = "from"
SIZE, MOST_OPTIONS = 20, 2500  # rows of a page, and choices that all its rows may offer together
NAMED = 3  # numbers and agents of a row that are named; the template has it too
AT_ONCE = 1.0  # seconds that an answer may wait for its contacts to follow
MANY = 1000  # contacts that cannot follow in that time: the answer waits until it is decided, and for none of them
MOST_ROWS = 500  # numbers with one name; more is no form of ours
FETCHED = "X-Requested-With"  # what our script sends: the answer is the row alone

SURE = {
    suggesting.CERTAIN: gettext_lazy("certain"),
    suggesting.LIKELY: gettext_lazy("likely"),
    suggesting.GUESS: gettext_lazy("only a guess"),
}
WHY = {
    suggesting.SPELLING: gettext_lazy("“%(word)s” is one of its spellings"),
    suggesting.SHORTHAND: gettext_lazy("short for “%(word)s”"),
    suggesting.SYNONYM: gettext_lazy("says the same as “%(word)s”"),
    suggesting.CONTAINS: gettext_lazy("“%(word)s” is in the name"),
    suggesting.SIMILAR: gettext_lazy("looks like “%(word)s”"),
    suggesting.COLOUR: gettext_lazy("%(word)s usually means this"),
}


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One name as the page shows it; `chosen` is what its choice stands on, `offered` the label that is suggested."""

    group: WhatsAppName
    chosen: str
    offered: Label | None = None
    sure: str | Promise = ""
    why: str = ""
    error: str = ""
    name: str = ""  # of a new label, and its category: what was typed before an error
    category: str = ""

    @property
    def is_decided(self) -> bool:
        return _is_decided(self.group)

    @property
    def is_at_work(self) -> bool:
        return any(row.at_work for row in self.group.rows)

    @property
    def more_numbers(self) -> int:
        return max(0, self.group.numbers - NAMED)

    @property
    def more_agents(self) -> int:
        return max(0, len(self.group.agents) - NAMED)


@dataclass(frozen=True, slots=True)
class Choices:
    """What every row of a page chooses from: labels by category, and the categories of a new one."""

    labels: dict[int, Label]
    groups: list[tuple[str, list[tuple[str, str]]]]
    categories: list[Category]

    @classmethod
    def load(cls) -> Choices:
        labels = list(Label.objects.filter(reviewed=True).select_related("category"))
        groups: dict[str, list[tuple[str, str]]] = {}
        for label in labels:
            category = str(label.category) if label.category else _("Without a category")
            groups.setdefault(category, []).append((str(label.pk), str(label)))
        return cls({label.pk: label for label in labels}, list(groups.items()), list(Category.objects.all()))


def _is_decided(group: WhatsAppName) -> bool:
    return bool(group.first.label.reviewed or group.first.hidden or any(row.at_work for row in group.rows))


# -- The page ---------------------------------------------------------------------------------------------------------


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The list; `?state=`, `?channel=` and `?q=` narrow it, `?p=` turns its pages."""
    if not request.user.has_perm("labels.view_channellabel"):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    names = mapping.by_name(_chosen(mapping.channel_labels(viewer), request))
    waiting = [each for each in names if not _is_decided(each)]
    decided = sorted((each for each in names if _is_decided(each)), key=lambda each: each.name.casefold())
    choices = Choices.load()
    size = max(10, min(SIZE, MOST_OPTIONS // max(1, len(choices.labels))))
    number = max(1, whole_number(request.GET.get("p"), largest=10_000) or 1)
    shown = slice((number - 1) * size, number * size)
    rest = decided[max(0, shown.start - len(waiting)) : max(0, shown.stop - len(waiting))]
    mapping.count_use([*waiting, *rest], viewer)
    waiting.sort(key=lambda each: (-each.contacts, each.name.casefold()))
    mapping.suggest(waiting)
    rows = [row_of(each, choices) for each in waiting[shown]]
    given = {name: value for name, value in request.GET.items() if name in ("state", "channel", "q") and value}
    context = {
        **admin.site.each_context(request),
        "title": _("What WhatsApp labels mean"),
        "rows": rows,
        "sorted_rows": [row_of(each, choices) for each in rest],
        "left": len(waiting),
        "certain": _counted_certain(request, waiting, choices),
        "undo": _last_decisions(request),
        "states": [(code, name, _address(given | {"state": code})) for code, name in STATES],
        "channels": Channel.objects.visible_to(viewer).order_by("name"),
        "given": given,
        "is_narrowed": bool(given.keys() & {"channel", "q"}),
        "older": _address(given | {"p": number + 1}) if shown.stop < len(names) else "",
        "newer": _address(given | {"p": number - 1}) if number > 1 else "",
        **_row_context(request, choices),
    }
    return TemplateResponse(request, "mapping/page.html", context)


def _address(given: dict[str, Any]) -> str:
    return "?" + urlencode({name: value for name, value in given.items() if value})


def _row_context(request: HttpRequest, choices: Choices) -> dict[str, Any]:
    return {
        "choices": choices,
        "may_change": request.user.has_perm("labels.change_channellabel"),
        "may_add": request.user.has_perms(["labels.add_label", "labels.change_label"]),
        "query": request.GET.urlencode(),
    }


def _chosen(rows: QuerySet[ChannelLabel], request: HttpRequest) -> QuerySet[ChannelLabel]:
    """The rows that the address asks for, by number and name within each state; what is no state is "all in use"."""
    state, channel, words = (request.GET.get(name, "") for name in ("state", "channel", "q"))
    if channel:
        rows = rows.filter(channel=row_id(channel) or 0)
    for word in words.replace("\x00", "").split()[:5]:
        rows = rows.filter(Q(name__icontains=word) | Q(label__name__icontains=word) | Q(label__name_en__icontains=word))
    rows = rows.order_by("channel__name", "name", "id")
    if state in (IGNORED, SYSTEM):
        return rows.filter(hidden=True, ignored=state == IGNORED)
    rows = rows.filter(hidden=False, deleted_at__isnull=state != DELETED)
    return rows.filter(IN_STATE[state]) if state in IN_STATE else rows


IN_STATE = {
    UNDECIDED: Q(label__reviewed=False, at_work=False),
    PLACEHOLDER: Q(is_placeholder=True),
    SORTED: Q(label__reviewed=True) | Q(at_work=True),
}


def row_of(group: WhatsAppName, choices: Choices, *, error: str = "") -> MappingRow:
    """A name with its suggestion in words. A guess is only said: it is not chosen before somebody chose it."""
    if _is_decided(group):
        return MappingRow(group, NONE if group.first.ignored else str(group.first.label_id), error=error)
    found = group.suggestion
    offered = choices.labels.get(found.label) if found else None
    if found is None or offered is None:
        return MappingRow(group, "", error=error)
    word = str(ColorFamily(found.word).label) if found.why == suggesting.COLOUR else found.word
    chosen = "" if found.sure == suggesting.GUESS else str(offered.pk)
    return MappingRow(group, chosen, offered, SURE[found.sure], str(WHY[found.why]) % {"word": word}, error)


# -- Deciding ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answer:
    """What a decision did, in a sentence; `batch` and `adopted` (a label's id) are what taking it back needs."""

    sentence: str = ""
    error: str = ""
    batch: str = ""
    adopted: int | None = None
    rows: list[Any] = field(default_factory=list)  # the WhatsApp labels it was about
    others: list[Any] = field(default_factory=list)  # of numbers that were left out of it

    @property
    def can_undo(self) -> bool:
        return bool(self.batch or self.adopted)


def _posted_rows(request: HttpRequest) -> list[Any]:
    """The WhatsApp labels that a form names. Raises PermissionDenied, Http404 where the reader sees none of them."""
    if not request.user.has_perm("labels.change_channellabel"):
        raise PermissionDenied
    ids = [row_id(text) for text in request.POST.getlist("row")[:MOST_ROWS]]
    rows = mapping.channel_labels(viewer_of(request.user)).filter(pk__in=[pk for pk in ids if pk])
    found = list(rows.order_by("channel__name", "id"))
    if not found:
        raise Http404
    return found


@require_POST
def sort(request: HttpRequest) -> HttpResponse:
    """Say what the WhatsApp labels of one row mean."""
    rows = _posted_rows(request)
    held = {row_id(text) for text in request.POST.getlist("on")}
    chosen = [row for row in rows if row.pk in held] if "several" in request.POST else rows
    answer = Answer(rows=chosen, others=[row for row in rows if row not in chosen])
    if not chosen:
        answer.error, answer.rows, answer.others = _("Choose at least one number."), rows, []
    else:
        try:
            _decide(request, answer)
        except ValidationError as error:
            answer.error = " ".join(error.messages)
    return _say(request, answer)


def _decide(request: HttpRequest, answer: Answer) -> None:
    """Carry out what the form of a row chose. Raises ValidationError."""
    if called := request.POST.get("called", "").strip():
        answer.sentence = _("Named “%(name)s”.") % {"name": called}
        for row in answer.rows:
            if row.is_placeholder:
                channel_labels.name_placeholder(channel_label=row, name=called[:200], actor=request.user)
    means = request.POST.get("means", "")
    if means == NEW:
        _mean_new(request, answer)
    elif means == NONE:
        _remap(request, answer, None)
    elif label := Label.objects.filter(pk=row_id(means) or 0).first():
        _remap(request, answer, label)
    elif not called:
        answer.error = _("Choose what it means.")


def _remap(request: HttpRequest, answer: Answer, label: Label | None) -> None:
    """Start the jobs that give the rows this meaning (None: not counted), and wait a moment for them."""
    from_today = request.POST.get("holds") == FROM_TODAY and label is not None
    since = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) if from_today else None
    rows = answer.rows if since else [row for row in answer.rows if not _means_that_already(row, label)]
    if not rows:
        answer.sentence = _("It means that already. Nothing changed.")
        return
    answer.batch = uuid4().hex
    [used] = _with_use(request, rows)
    started = [
        jobs.remap(channel_label=row, label=label, since=since, actor=request.user, batch=answer.batch) for row in rows
    ]
    done = do_at_once(started, seconds=AT_ONCE if used.contacts <= MANY else 0)
    answer.sentence = _said(used.contacts, label, done=done)


def _means_that_already(row: Any, label: Label | None) -> bool:
    if label is None:
        return bool(row.ignored)
    return bool(row.label_id == label.pk and not row.hidden and not row.at_work)


def _with_use(request: HttpRequest, rows: Sequence[ChannelLabel]) -> list[WhatsAppName]:
    """These rows as one name, with how many contacts have it now."""
    names = [WhatsAppName(list(rows))]
    mapping.count_use(names, viewer_of(request.user))
    return names


def _said(contacts: int, label: Label | None, *, done: bool) -> str:
    """What became of the contacts who have a label now."""
    if not contacts:
        return _("Saved. No contact has it now.")
    if label is None:
        sentence = ngettext(
            "Not counted any more, on %(n)s contact.", "Not counted any more, on %(n)s contacts.", contacts
        )
    elif done:
        sentence = ngettext(
            "%(n)s contact now counts as %(label)s.", "%(n)s contacts now count as %(label)s.", contacts
        )
    else:
        sentence = ngettext(
            "%(n)s contact is being counted as %(label)s; “Work” says how far that is.",
            "%(n)s contacts are being counted as %(label)s; “Work” says how far that is.",
            contacts,
        )
    return sentence % {"n": number_format(contacts, force_grouping=True), "label": label}


def _mean_new(request: HttpRequest, answer: Answer) -> None:
    """A label of its own. Where the name made one already, that one is looked at and counts from now on.

    Raises ValidationError, PermissionDenied.
    """
    if not request.user.has_perms(["labels.add_label", "labels.change_label"]):
        raise PermissionDenied
    name = request.POST.get("name", "").strip() or str(answer.rows[0].name)
    category = Category.objects.filter(pk=row_id(request.POST.get("category")) or 0).first()
    if category is None:
        answer.error = _("Choose the category of the new label.")
        return
    made = {row.label_id for row in answer.rows}
    label = answer.rows[0].label
    values: dict[str, Any] = {"name": name, "category": category, "color": category.color, "reviewed": True}
    if len(made) == 1 and not label.reviewed and not answer.others:
        label = canonical.update_label(label, actor=request.user, origin=ORIGIN, **values)
        answer.adopted = label.pk
        [used] = _with_use(request, answer.rows)
        answer.sentence = _said(used.contacts, label, done=True)
    else:
        _remap(request, answer, canonical.create_label(actor=request.user, origin=ORIGIN, **values))


# -- Accepting what is certain ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CertainLabel:
    """What accepting would make of the names that certainly mean one label; `merged` is all of them as one."""

    label: Label
    names: list[WhatsAppName]
    merged: WhatsAppName

    @property
    def pairs(self) -> list[str]:
        return [f"{row.pk}:{self.label.pk}" for row in self.merged.rows]


def _certain(waiting: Iterable[WhatsAppName], choices: Choices) -> list[CertainLabel]:
    """Every certain suggestion, by label."""
    found: dict[int, list[WhatsAppName]] = {}
    for each in waiting:
        if each.is_certain and each.suggestion and each.suggestion.label in choices.labels:
            found.setdefault(each.suggestion.label, []).append(each)
    return [CertainLabel(choices.labels[pk], names, _merged(names)) for pk, names in found.items()]


def _merged(names: Iterable[WhatsAppName]) -> WhatsAppName:
    return WhatsAppName([row for each in names for row in each.rows])


def _counted_certain(request: HttpRequest, waiting: Iterable[WhatsAppName], choices: Choices) -> dict[str, Any]:
    """What the button accepts, with sums in which a contact counts once, whatever names they have."""
    labels = _certain(waiting, choices)
    if not labels:
        return {}
    everything = _merged(one.merged for one in labels)
    mapping.count_use([everything, *(one.merged for one in labels)], viewer_of(request.user))
    return {"labels": labels, "names": sum(len(one.names) for one in labels), "contacts": everything.contacts}


@require_POST
def accept(request: HttpRequest) -> HttpResponse:
    """Give every name of the form the label that it was shown with, as far as that is still certain."""
    if not request.user.has_perm("labels.change_channellabel"):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    names = mapping.by_name(mapping.channel_labels(viewer).filter(IN_STATE[UNDECIDED], hidden=False, deleted_at=None))
    mapping.suggest(names)
    wanted, choices, batch = set(request.POST.getlist("pair")), Choices.load(), uuid4().hex
    started = [
        jobs.remap(channel_label=row, label=one.label, since=None, actor=request.user, batch=batch)
        for one in _certain(names, choices)
        for row in one.merged.rows
        if f"{row.pk}:{one.label.pk}" in wanted
    ]
    if not started:
        messages.info(request, _("There is nothing certain to accept any more."))
        return _back(request)
    done = do_at_once(started, seconds=AT_ONCE)
    n = len(started)
    if done:
        sentence = ngettext("%(n)d WhatsApp label sorted.", "%(n)d WhatsApp labels sorted.", n)
    else:
        sentence = ngettext(
            "%(n)d WhatsApp label sorted; its contacts follow, “Work” says how far that is.",
            "%(n)d WhatsApp labels sorted; their contacts follow, “Work” says how far that is.",
            n,
        )
    messages.success(request, sentence % {"n": n})
    return _back(request, undo=batch)


# -- Taking back ------------------------------------------------------------------------------------------------------


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back what one answer said: the decisions of a batch, or that a label was looked at."""
    if not request.user.has_perm("labels.change_channellabel"):
        raise PermissionDenied
    made = jobs.remapped_together(request.POST.get("batch", ""), actor=request.user)
    seen = mapping.channel_labels(viewer_of(request.user))
    known = set(seen.filter(pk__in=[job.parameters["channel_label"] for job in made]).values_list("pk", flat=True))
    back = [jobs.take_back(job, actor=request.user) for job in made if job.parameters["channel_label"] in known]
    done = do_at_once(back, seconds=AT_ONCE)
    adopted = _unadopt(request)
    answer = Answer(sentence=_("Taken back.") if done else _("It is being taken back; “Work” says how far that is."))
    if not back and not adopted:
        answer.sentence, answer.error = "", _("There is nothing to take back any more.")
    if request.headers.get(FETCHED) and request.POST.getlist("row"):
        answer.rows = _posted_rows(request)
    return _say(request, answer, rows_again=True)


def _unadopt(request: HttpRequest) -> bool:
    """A label that somebody looked at waits for a decision again."""
    label = Label.objects.filter(pk=row_id(request.POST.get("adopted")) or 0, reviewed=True).first()
    if label is None or not request.user.has_perm("labels.change_label"):
        return False
    canonical.update_label(label, actor=request.user, origin=ORIGIN, reviewed=False, category=None)
    return True


def _last_decisions(request: HttpRequest) -> dict[str, Any]:
    """What the page offers to take back after it was left and loaded again: the decisions that it just made."""
    batch, adopted = request.GET.get("undo", "")[:32], row_id(request.GET.get("adopted"))
    made = jobs.remapped_together(batch, actor=request.user)
    return {"batch": batch, "n": len(made)} if made else {"adopted": adopted, "n": 1} if adopted else {}


# -- Answers ----------------------------------------------------------------------------------------------------------


def _say(request: HttpRequest, answer: Answer, *, rows_again: bool = False) -> HttpResponse:
    """The row anew for our script; for a plain form a message on the page that it leads back to."""
    if not request.headers.get(FETCHED):
        if answer.sentence:
            messages.success(request, answer.sentence)
        if answer.error:
            messages.error(request, answer.error)
        return _back(request, undo=answer.batch, adopted=answer.adopted or "")
    choices = Choices.load()
    again = answer.rows if answer.error or rows_again else []
    context = {
        "answer": answer,
        "rows": _fresh_rows(request, [*again, *answer.others], choices, error=answer.error),
        "is_done": not again,
        "left": _left(request),
        **_row_context(request, choices),
    }
    return TemplateResponse(request, "mapping/answer.html", context)


def _fresh_rows(
    request: HttpRequest, rows: Sequence[ChannelLabel], choices: Choices, *, error: str
) -> list[MappingRow]:
    """Rows as they are now, after what was done."""
    viewer = viewer_of(request.user)
    found = mapping.channel_labels(viewer).filter(pk__in=[row.pk for row in rows]).order_by("channel__name", "id")
    names = mapping.by_name(found)
    mapping.count_use(names, viewer)
    mapping.suggest([each for each in names if not _is_decided(each)])
    fresh = [row_of(each, choices, error=error) for each in names]
    return [_as_typed(row, request) for row in fresh] if error else fresh


def _as_typed(row: MappingRow, request: HttpRequest) -> MappingRow:
    """A row that could not be saved, with what was chosen and typed in it."""
    means, name, category = (request.POST.get(field, "") for field in ("means", "name", "category"))
    return replace(row, chosen=means, name=name, category=category)


def _left(request: HttpRequest) -> int:
    rows = mapping.channel_labels(viewer_of(request.user)).filter(hidden=False, deleted_at=None)
    return len(mapping.by_name(rows.filter(IN_STATE[UNDECIDED])))


def _back(request: HttpRequest, **more: Any) -> HttpResponse:
    kept = {name: request.GET[name] for name in ("state", "channel", "q", "p") if request.GET.get(name)}
    return HttpResponseRedirect(reverse("admin:labels_channellabel_changelist") + _address(kept | more))
