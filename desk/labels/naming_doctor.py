"""Naming doctor: names of all numbers that say the same, and the one label that each group of them should mean.

Nothing is changed before its dry run was shown. What was changed can be taken back, and what somebody said is not the
same is not proposed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN
from desk.labels import label_uses
from desk.labels.mapping import AT_ONCE, NEW, SURE, WHY, Choices
from labelcrm.core.jobs import do_at_once
from labelcrm.lib.numbers import row_id, whole_number
from labels import jobs
from labels.models import Category, ChannelLabelMeaning, Label, LabelAssignment, RefusedName
from labels.rules import suggesting
from labels.rules.clustering import category_of
from labels.rules.naming import normalize
from labels.rules.suggesting import family_of
from labels.selectors import mapping, name_proposals
from labels.selectors.mapping import WhatsAppName
from labels.selectors.name_proposals import NameProposal, NamingPreview, ProposedName
from labels.services import canonical, refusals

SEES, CHANGES = "labels.view_channellabel", "labels.change_channellabel"
MAKES = ("labels.add_label", "labels.change_label")
SIZE, MOST_OPTIONS = 20, 3000  # proposals of a page, and choices that all of them may offer together
SHOWN_LINES = 8  # names of a proposal; the rest is behind a line that says how many
MOST_REFUSED, MOST_NAMES = 200, 500
NEW_WHY = {
    suggesting.SPELLING: gettext_lazy("the most used of them"),
    suggesting.SHORTHAND: gettext_lazy("the same as “%(word)s”, but for spaces and shorthand"),
}


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A name of a proposal with why it stands there; `chosen` is whether its box is ticked."""

    name: ProposedName
    sure: Any
    why: str
    chosen: bool

    @property
    def pk(self) -> str:
        return str(self.name.group.first.pk)


@dataclass(frozen=True, slots=True)
class ProposalCard:
    """A proposal as the page shows it; a new label's name and category are proposed as well."""

    proposal: NameProposal
    lines: list[EvidenceLine]
    number: int
    new_name: str = ""
    category: Category | None = None

    @property
    def first_lines(self) -> list[EvidenceLine]:
        return self.lines[:SHOWN_LINES]

    @property
    def more_lines(self) -> list[EvidenceLine]:
        return self.lines[SHOWN_LINES:]

    @property
    def teams(self) -> int:
        rows = (row for line in self.lines for row in line.name.group.rows)
        return len({row.channel.team_id for row in rows if row.channel.team_id})

    @property
    def numbers(self) -> int:
        return len({row.channel_id for line in self.lines for row in line.name.group.rows})


@dataclass(slots=True)
class NamingPlan:
    """What a form asks for: these names are to mean this label, or a new one of this name and category."""

    names: list[WhatsAppName]
    label: Label | None = None
    new_name: str = ""
    category: Category | None = None
    error: str = ""
    rows: list[Any] = field(default_factory=list)


# -- The page ---------------------------------------------------------------------------------------------------------


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/labels/naming/`; `?p=` turns its pages."""
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    found = name_proposals.findings(viewer_of(request.user))
    choices = Choices.load()
    size = max(5, min(SIZE, MOST_OPTIONS // max(1, len(choices.labels))))
    number = max(1, whole_number(request.GET.get("p"), largest=10_000) or 1)
    shown = slice((number - 1) * size, number * size)
    context = {
        **admin.site.each_context(request),
        "title": _("Naming doctor"),
        "cards": [_card(each, place, choices) for place, each in enumerate(found.open[shown], start=shown.start + 1)],
        "left": len(found.open),
        "settled": found.settled,
        "doubles": [] if number > 1 else _doubles(found.doubles),
        "refused": _refused(request).order_by("-pk")[:MOST_REFUSED],
        "choices": choices,
        "may_change": request.user.has_perm(CHANGES),
        "may_add": request.user.has_perms(MAKES),
        "may_merge": request.user.has_perms(label_uses.MERGES),
        "undo": _last_decisions(request),
        "older": f"?p={number + 1}" if shown.stop < len(found.open) else "",
        "newer": f"?p={number - 1}" if number > 1 else "",
    }
    return TemplateResponse(request, "naming/page.html", context)


def _card(proposal: NameProposal, number: int, choices: Choices) -> ProposalCard:
    lines = sorted((_line(each, proposal) for each in proposal.open), key=lambda line: not line.chosen)
    if proposal.label is not None:
        return ProposalCard(proposal, lines, number)
    names = [each.group.name for each in proposal.names]
    families = [family_of(row.color) for each in proposal.names for row in each.group.rows]
    code = category_of(names, families)
    category = next((each for each in choices.categories if each.code == code), None)
    return ProposalCard(proposal, lines, number, names[0], category)


def _line(each: ProposedName, proposal: NameProposal) -> EvidenceLine:
    """A name that holds a spelling among other words ("Cold storage") is ticked by a person, unless it is alone."""
    member = each.member
    words = NEW_WHY.get(member.why) if proposal.label is None else None
    why = str(words or WHY[member.why]) % {"word": member.word}
    chosen = member.why != suggesting.CONTAINS or len(proposal.open) == 1
    return EvidenceLine(each, SURE[member.sure], why, chosen)


def _doubles(pairs: list[tuple[Label, Label]]) -> list[tuple[Label, Label]]:
    refused = name_proposals.refused_pairs()
    return [pair for pair in pairs if frozenset(normalize(each.name) for each in pair) not in refused]


def _last_decisions(request: HttpRequest) -> dict[str, Any]:
    batch = request.GET.get("undo", "")[:32]
    made = jobs.remapped_together(batch, actor=request.user)
    return {"batch": batch, "n": len(made), "made": row_id(request.GET.get("made")) or ""} if made else {}


# -- The dry run, and doing it ----------------------------------------------------------------------------------------


@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    """What accepting a proposal would do, before anything is done."""
    asked = _asked(request)
    if asked.error:
        messages.error(request, asked.error)
        return _back()
    mapping.count_use(asked.names, viewer_of(request.user))
    counts: NamingPreview = name_proposals.preview(asked.rows)
    context = {
        **admin.site.each_context(request),
        "title": _("What this changes"),
        "plan": asked,
        "counts": counts,
        "uses": label_uses.lines(asked.label, viewer_of(request.user), parts=False) if asked.label else [],
    }
    return TemplateResponse(request, "naming/plan.html", context)


@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Give the names of a plan their label."""
    asked = _asked(request)
    try:
        label, made = (asked.label, "") if asked.label else _new_label(request, asked)
    except ValidationError as error:
        asked.error = " ".join(error.messages)
    if asked.error:
        messages.error(request, asked.error)
        return _back()
    batch = uuid4().hex
    started = [
        jobs.remap(channel_label=row, label=label, since=None, actor=request.user, batch=batch) for row in asked.rows
    ]
    done = do_at_once(started, seconds=AT_ONCE)
    messages.success(request, _said(len(started), label, done=done))
    return _back(undo=batch, made=made)


def _asked(request: HttpRequest) -> NamingPlan:
    """What the form chose, as far as the reader may decide about it. Raises PermissionDenied."""
    if not request.user.has_perm(CHANGES):
        raise PermissionDenied
    plan = NamingPlan(_chosen_names(request))
    plan.rows = [row for name in plan.names for row in name.rows]
    means = request.POST.get("means", "")
    if not plan.names:
        plan.error = _("Choose at least one name.")
    elif means != NEW:
        plan.label = Label.objects.filter(pk=row_id(means) or 0, reviewed=True).first()
        plan.error = "" if plan.label else _("Choose what it means.")
    elif not request.user.has_perms(MAKES):
        raise PermissionDenied
    else:
        plan.new_name = request.POST.get("new_name", "").strip()[:200] or plan.names[0].name
        plan.category = Category.objects.filter(pk=row_id(request.POST.get("category")) or 0).first()
        plan.error = "" if plan.category else _("Choose the category of the new label.")
    if plan.label is not None:
        plan.rows = [row for row in plan.rows if row.label_id != plan.label.pk]
    return plan


def _chosen_names(request: HttpRequest) -> list[WhatsAppName]:
    """The names whose boxes were ticked, with the WhatsApp labels that the reader sees of them."""
    wanted = {row_id(text) for text in request.POST.getlist("name")[:MOST_NAMES]}
    rows = mapping.channel_labels(viewer_of(request.user)).filter(Q(at_work=False), hidden=False, deleted_at=None)
    names = mapping.by_name(rows.order_by("channel__name", "id"))
    return [each for each in names if each.first.pk in wanted]


def _new_label(request: HttpRequest, plan: NamingPlan) -> tuple[Label, str]:
    """The label of a plan that needs one, and its id for taking it back; one that a name made already is taken.

    Raises ValidationError.
    """
    values: dict[str, Any] = {"category": plan.category, "color": plan.category.color if plan.category else ""}
    there = Label.objects.filter(name=plan.new_name, reviewed=False).first()
    if there is not None:
        label = canonical.update_label(there, actor=request.user, origin=ORIGIN, reviewed=True, **values)
    else:
        label = canonical.create_label(actor=request.user, origin=ORIGIN, name=plan.new_name, **values)
    plan.rows = [row for row in plan.rows if row.label_id != label.pk] or plan.rows[:1]
    return label, str(label.pk)


def _said(n: int, label: Label, *, done: bool) -> str:
    if done:
        words = ngettext(
            "%(n)s WhatsApp label now means “%(label)s”.", "%(n)s WhatsApp labels now mean “%(label)s”.", n
        )
    else:
        words = ngettext(
            "%(n)s WhatsApp label is being given the meaning “%(label)s”; “Work” says how far that is.",
            "%(n)s WhatsApp labels are being given the meaning “%(label)s”; “Work” says how far that is.",
            n,
        )
    return words % {"n": number_format(n, force_grouping=True), "label": label}


# -- What is not the same, and taking back ----------------------------------------------------------------------------


@require_POST
def refuse(request: HttpRequest) -> HttpResponse:
    """Remember that names do not mean a label, or that names, or two labels of ours, are not the same."""
    if not request.user.has_perm(CHANGES):
        raise PermissionDenied
    if apart := request.POST.get("apart"):
        wanted = {row_id(apart)}
    else:
        wanted = {row_id(text) for text in request.POST.getlist("all")[:MOST_NAMES]}
    rows = mapping.channel_labels(viewer_of(request.user)).filter(pk__in=[*map(row_id, request.POST.getlist("all"))])
    names = {row.pk: row.name for row in rows}
    refused = [name for pk, name in names.items() if pk in wanted]
    others = [name for pk, name in names.items() if pk not in wanted or not apart]
    label = Label.objects.filter(pk=row_id(request.POST.get("of")) or 0).first()
    if pair := Label.objects.in_bulk([pk for pk in map(row_id, request.POST.getlist("label")[:2]) if pk]):
        refused, others, label = (
            [*(each.name for each in pair.values())],
            [*(each.name for each in pair.values())],
            None,
        )
    if not refused:
        raise Http404
    refusals.refuse(refused, label=label, others=others, actor=request.user)
    messages.success(request, _("Remembered: this is not proposed again."))
    return _back()


@require_POST
def allow(request: HttpRequest) -> HttpResponse:
    """Forget that something was refused: it may be proposed again."""
    if not request.user.has_perm(CHANGES):
        raise PermissionDenied
    row = _refused(request).filter(pk=row_id(request.POST.get("refused")) or 0).first()
    if row is None:
        raise Http404
    refusals.allow_again([row.normalized], label=row.label, actor=request.user)
    messages.success(request, _("It may be proposed again."))
    return _back()


def _refused(request: HttpRequest) -> QuerySet[RefusedName]:
    """What was refused: all of it for who sees every team's names, else one's own."""
    rows = RefusedName.objects.select_related("label__category")
    return rows if viewer_of(request.user).everything else rows.filter(refused_by=request.user.pk)


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the decisions of a batch; a label that was made for it goes as well, where nothing means it."""
    if not request.user.has_perm(CHANGES):
        raise PermissionDenied
    made = jobs.remapped_together(request.POST.get("batch", ""), actor=request.user)
    if not made:
        messages.error(request, _("There is nothing to take back any more."))
        return _back()
    back = [jobs.take_back(job, actor=request.user) for job in made]
    done = do_at_once(back, seconds=AT_ONCE)
    if done:
        _unmake(request)
    messages.success(request, _("Taken back.") if done else _("It is being taken back; “Work” says how far that is."))
    return _back()


def _unmake(request: HttpRequest) -> None:
    label = Label.objects.filter(pk=row_id(request.POST.get("made")) or 0, reviewed=True).first()
    if label is None or not request.user.has_perms(MAKES):
        return
    if ChannelLabelMeaning.objects.filter(label=label).exists() or LabelAssignment.objects.filter(label=label).exists():
        canonical.update_label(label, actor=request.user, origin=ORIGIN, reviewed=False, category=None)
    else:
        canonical.archive_label(label, actor=request.user, origin=ORIGIN)


def _back(**more: str) -> HttpResponse:
    query = "&".join(f"{name}={value}" for name, value in more.items() if value)
    return HttpResponseRedirect(reverse("admin:naming") + (f"?{query}" if query else ""))


_PAGES = (
    ("labels/naming/", page, "naming"),
    ("labels/naming/plan/", plan, "naming-plan"),
    ("labels/naming/apply/", apply, "naming-apply"),
    ("labels/naming/refuse/", refuse, "naming-refuse"),
    ("labels/naming/allow/", allow, "naming-allow"),
    ("labels/naming/undo/", undo, "naming-undo"),
)
urlpatterns = [path(route, admin.site.admin_view(view), name=name) for route, view, name in _PAGES]
