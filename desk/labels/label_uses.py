"""Where a label is used, in words; and the pages that make two labels one and part them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.selectors.viewing import viewer_of
from labelcrm.core.jobs import do_at_once
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labels import jobs
from labels.models import Label, LabelMerge
from labels.selectors import label_merges
from labels.services import label_mentions, label_merging

MERGES = ("labels.change_label", "labels.delete_label")  # the source is archived
AT_ONCE = 1.0  # seconds that an answer may wait for its contacts to follow
NAMED = 5  # rows of a kind that are named
DIFFERENCES = {
    "meaning": gettext_lazy("meaning"),
    "step": gettext_lazy("step"),
    "exclusive_group": gettext_lazy("exclusive group"),
    "high_quality": gettext_lazy("high quality"),
    "low_quality": gettext_lazy("low quality"),
}


def _counted(kind: str, n: int) -> str:
    words: Mapping[str, Callable[[], str]] = {
        "segments": lambda: ngettext("%(n)s segment", "%(n)s segments", n),
        "conversion_events": lambda: ngettext("%(n)s conversion event", "%(n)s conversion events", n),
        "conversions": lambda: ngettext("%(n)s conversion", "%(n)s conversions", n),
        "aliases": lambda: ngettext("%(n)s spelling", "%(n)s spellings", n),
        "meanings": lambda: ngettext("%(n)s meaning of a WhatsApp label", "%(n)s meanings of WhatsApp labels", n),
        "stale_flags": lambda: ngettext("%(n)s open stale label", "%(n)s open stale labels", n),
        "snoozes": lambda: ngettext("%(n)s “still right”", "%(n)s “still right”", n),
        "sampled_grades": lambda: ngettext("%(n)s sampled grade", "%(n)s sampled grades", n),
        "second_looks": lambda: ngettext("%(n)s second look", "%(n)s second looks", n),
        "contradiction_rules": lambda: ngettext("%(n)s rule for contradictions", "%(n)s rules for contradictions", n),
        "suggestion_words": lambda: ngettext("%(n)s suggestion word", "%(n)s suggestion words", n),
        "dismissals": lambda: ngettext("%(n)s dismissed suggestion", "%(n)s dismissed suggestions", n),
        "handed_over": lambda: ngettext("%(n)s contact handed over", "%(n)s contacts handed over", n),
    }
    return words[kind]() % {"n": number_format(n, force_grouping=True)}


# Where one of a kind is opened, with what right; events have one page together.
_PAGES: Mapping[str, tuple[Callable[[int], str], str]] = {
    "segments": (lambda pk: reverse("admin:segments-edit", args=[pk]), "reports.view_segment"),
    "conversion_events": (lambda pk: reverse("admin:conversions-settings"), "contacts.change_campaign"),
}


@dataclass(frozen=True, slots=True)
class UseLine:
    """What uses a label: how many of what, and the first few by name, with their address where one may open it."""

    counted: str
    rows: list[tuple[str, str]]
    more: int


def lines(label: Label, viewer: Viewer, *, parts: bool = True) -> list[UseLine]:
    """Everything that names a label; without `parts` only what keeps it from being archived without a thought."""
    uses = label_mentions.uses_of(label.pk, viewer)
    return [_line(use, viewer) for use in uses if parts or label_mentions.is_kept_by(use)]


def _line(use: label_mentions.LabelUse, viewer: Viewer) -> UseLine:
    address, right = _PAGES.get(use.kind, (None, ""))
    opens = address if address is not None and viewer.may(right) else lambda pk: ""
    rows = [(name, opens(pk)) for pk, name in use.rows[:NAMED]]
    return UseLine(_counted(use.kind, use.n), rows, use.n - len(rows) if rows else 0)


def context_of(label: Label, user: Any) -> dict[str, Any]:
    """What the page of a label shows of where it is used and what became part of it.

    What hangs on contacts is counted over the whole business, and so shown to who sees all of it.
    """
    viewer = viewer_of(user)
    return {
        "uses": lines(label, viewer, parts=viewer.everything),
        "whatsapp_names": label_merges.whatsapp_labels(label, viewer),
        "merge": label_merges.standing_merge(label),
        "merged": label_merges.merged_into(label),
        "may_merge": user.has_perms(MERGES),
    }


# -- Merging ----------------------------------------------------------------------------------------------------------


def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/labels/label/<pk>/merge/?into=`: choose the label it becomes part of, see what that changes, do it."""
    if not request.user.has_perms(MERGES):
        raise PermissionDenied
    source = get_object_or_404(Label, pk=pk)
    wanted = request.POST.get("into") if request.method == "POST" else request.GET.get("into")
    target = Label.objects.filter(pk=row_id(wanted) or 0, reviewed=True).exclude(pk=pk).first()
    problem = ""
    if request.method == "POST" and target is not None:
        try:
            return _start(request, source, target)
        except ValidationError as refused:
            problem = " ".join(refused.messages)
    context = {
        **admin.site.each_context(request),
        "title": _("Merge “%(label)s”") % {"label": source},
        "source": source,
        "target": target,
        "labels": Label.objects.filter(reviewed=True).exclude(pk=pk).select_related("category"),
        "problem": problem,
        **(_preview(source, target, request) if target else {}),
    }
    return TemplateResponse(request, "labels/merge.html", context)


def _preview(source: Label, target: Label, request: HttpRequest) -> dict[str, Any]:
    return {
        "counts": label_merges.preview(source, target),
        "uses": lines(source, viewer_of(request.user)),
        "whatsapp_names": label_merges.whatsapp_labels(source, viewer_of(request.user)),
        "differences": [
            (DIFFERENCES[name], _value(source, name), _value(target, name))
            for name in label_merging.differences(source, target)
        ],
    }


def _value(label: Label, name: str) -> str:
    value = label.get_meaning_display() if name == "meaning" else getattr(label, name)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return "–" if value in (None, "") else str(value)


def _start(request: HttpRequest, source: Label, target: Label) -> HttpResponse:
    job = jobs.merge_labels(source=source, target=target, differs="differs" in request.POST, actor=request.user)
    done = do_at_once([job], seconds=AT_ONCE)
    words = {"source": source, "target": target}
    if done:
        messages.success(request, _("“%(source)s” is part of “%(target)s” now.") % words)
    else:
        sentence = _("“%(source)s” becomes part of “%(target)s”; “Work” says how far that is.")
        messages.success(request, sentence % words)
    return HttpResponseRedirect(reverse("admin:labels_label_change", args=[target.pk]))


def unmerge(request: HttpRequest, pk: int) -> HttpResponse:
    """`/admin/labels/label/merges/<pk>/undo/`: part two labels again."""
    if request.method != "POST" or not request.user.has_perms(MERGES):
        raise PermissionDenied
    record = get_object_or_404(LabelMerge.objects.select_related("source", "target"), pk=pk)
    words = {"source": record.source, "target": record.target}
    try:
        job = jobs.unmerge_labels(record, actor=request.user)
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    else:
        done = do_at_once([job], seconds=AT_ONCE)
        sentence = _("“%(source)s” and “%(target)s” are two labels again.")
        waits = _("“%(source)s” and “%(target)s” are being parted; “Work” says how far that is.")
        messages.success(request, (sentence if done else waits) % words)
    return HttpResponseRedirect(reverse("admin:labels_label_change", args=[record.target_id]))


# -- Archiving --------------------------------------------------------------------------------------------------------


def in_use(labels: Any, viewer: Viewer) -> list[tuple[Label, list[UseLine], int]]:
    """The labels that something names or somebody has, with what that is and how many have them now."""
    found = [(label, lines(label, viewer, parts=False), label_merges.active(label)) for label in labels]
    return [each for each in found if each[1] or each[2]]


def confirm_archiving(request: HttpRequest, found: list[tuple[Label, list[UseLine], int]], chosen: Any) -> HttpResponse:
    """Asks before labels are archived that are in use: a list of where, and a button that says so."""
    context = {
        **admin.site.each_context(request),
        "title": _("Archive labels that are in use?"),
        "found": found,
        "chosen": [str(pk) for pk in chosen.values_list("pk", flat=True)],
        "may_merge": request.user.has_perms(MERGES),
    }
    return TemplateResponse(request, "labels/archive.html", context)
