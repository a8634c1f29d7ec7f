"""How labels are suggested here: by which words, by which models, how right both are, and a place to try it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import Job
from labels import jobs
from labels.models import Label, LabelTextModel, LabelWord, SuggestionTraining
from labels.rules.message_words import LONGEST_TEXT
from labels.selectors.suggestions import suggest_for_text
from labels.services import text_fitting
from reports.selectors.shares import Share, share

MAY_READ, MAY_TRAIN = "labels.view_labelword", "labels.change_labelword"


@dataclass(frozen=True, slots=True)
class WordsOfLabel:
    """How many words tell a label, and where they are listed."""

    label: Label
    words: int
    url: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """How words and model did for a label on the held-back chats: right of what was suggested, found of what got it."""

    model: LabelTextModel
    words_right: tuple[str, str]
    words_found: tuple[str, str]
    model_right: tuple[str, str]
    model_found: tuple[str, str]


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """`/admin/suggestions/`. A message to try is posted, for it is no address, and kept nowhere."""
    if not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    counted = viewer_of(request.user).everything  # the figures are of the chats of every team
    text = request.POST.get("text", "")[:LONGEST_TEXT]
    training = SuggestionTraining.objects.order_by("-id").first()
    context = {
        **admin.site.each_context(request),
        "title": _("Suggestions"),
        "text": text,
        "tried": suggest_for_text(text) if text.strip() else None,
        "labels": _words(),
        "training": training,
        "counted": counted,
        "lines": _lines(training, counted=counted),
        "state": _state(training, counted=counted),
        "min_contacts": text_fitting.MIN_CONTACTS,
        "may_edit": request.user.has_perm("labels.add_labelword"),
        "may_train": request.user.has_perm(MAY_TRAIN) and text_fitting.is_installed(),
    }
    return TemplateResponse(request, "suggestions/page.html", context)


@require_POST
def train(request: HttpRequest) -> HttpResponse:
    """Learn now, and not only in the night of Monday."""
    if not request.user.has_perm(MAY_TRAIN):
        raise PermissionDenied
    jobs.train_suggestions(actor=request.user)
    messages.success(request, _("Learning from labelled chats has begun: the result stands here in about a minute."))
    return HttpResponseRedirect(reverse("label-suggestions"))


def _words() -> list[WordsOfLabel]:
    """Living labels with words."""
    listed = reverse("admin:labels_labelword_changelist")
    counts = dict(LabelWord.objects.order_by().values_list("label").annotate(n=Count("pk")))
    labels = Label.objects.filter(pk__in=counts).order_by("category__position", "step", "name")
    return [WordsOfLabel(label, counts[label.pk], f"{listed}?label__id__exact={label.pk}") for label in labels]


def _state(training: SuggestionTraining | None, *, counted: bool) -> str:
    """Why no model suggests anything, in a sentence; "" where one was trained."""
    if not text_fitting.is_installed():
        return _("scikit-learn is not installed here: labels are suggested by words alone.")
    if training is not None:
        return ""
    last = Job.objects.filter(kind=jobs.TRAIN.name, state=Job.State.DONE).order_by("-id").first()
    if last is None:
        return _("Nothing has been learned yet: it is tried every week.")
    return jobs.training_outcome(last, counted=counted)


def _lines(training: SuggestionTraining | None, *, counted: bool) -> list[ModelLine]:
    """The labels that were suggested for any held-back chat, those that most chats got first.

    Of how many chats each share is stands beside it only where `counted`.
    """
    if training is None:
        return []
    suggested = Q(words_said__gt=0) | Q(model_said__gt=0)
    rows = training.models.select_related("label").filter(suggested, labelled__gt=0)
    lines = [
        ModelLine(
            row,
            _percent(share(row.words_right, row.words_said), counted=counted),
            _percent(share(row.words_right, row.labelled), counted=counted),
            _percent(share(row.model_right, row.model_said), counted=counted),
            _percent(share(row.model_right, row.labelled), counted=counted),
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: (-line.model.labelled, line.model.label_id))


def _percent(found: Share, *, counted: bool) -> tuple[str, str]:
    """("86% (82–89)", "195 of 228"), the counts only where `counted`; "–" of nothing."""
    if found.value is None or found.low is None or found.high is None:
        return "–", ""
    percents = {"share": round(100 * found.value), "low": round(100 * found.low), "high": round(100 * found.high)}
    counts = {"k": number_format(found.k, force_grouping=True), "n": number_format(found.n, force_grouping=True)}
    return _("%(share)d%% (%(low)d–%(high)d)") % percents, _("%(k)s of %(n)s") % counts if counted else ""


urlpatterns = [
    path("suggestions/", admin.site.admin_view(page), name="label-suggestions"),
    path("suggestions/train/", admin.site.admin_view(train), name="label-suggestions-train"),
]
