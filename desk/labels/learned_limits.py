"""What stays taught about a label's limit, in words, and taking it over."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from contacts.selectors.viewing import viewer_of
from desk.base.model_admin import ORIGIN
from labels.models import Label, LearnedLimit, TeamLimit
from labels.services import learned_limits

STALE = "stale"  # the list that the button leads back to
MAY_CHANGE = "labels.change_label"


def sentence(learned: LearnedLimit, *, counted: bool) -> str:
    """What was learned: "8 of 10 contacts that went on did so within 11 days (132 in the last 365 days)".

    From how many is said only where `counted`, for who sees every team: it was learned from all of them.
    """
    if not counted:
        words = ngettext(
            "8 of 10 contacts that went on from this label did so within %(days)d day.",
            "8 of 10 contacts that went on from this label did so within %(days)d days.",
            learned.days,
        )
        return words % {"days": learned.days}
    words = ngettext(
        "8 of 10 contacts that went on from this label did so within %(days)d day (%(n)s in the last 365 days).",
        "8 of 10 contacts that went on from this label did so within %(days)d days (%(n)s in the last 365 days).",
        learned.days,
    )
    return words % {"days": learned.days, "n": number_format(learned.stays, force_grouping=True)}


def of_label(label: Label, *, may_use: bool, counted: bool) -> SafeString | str:
    """The sentence for the page of a label, with a button for who may use it; or why there is none yet."""
    learned = LearnedLimit.objects.filter(label=label.pk or 0).first()
    if label.step is None:
        return _("Only labels with a step can learn a limit.")
    if learned is None:
        return _("Too few contacts went on from this label to learn a limit: it takes %(n)d.") % {
            "n": learned_limits.ENOUGH
        }
    context = {
        "learned": learned,
        "said": sentence(learned, counted=counted),
        "offered": may_use and learned.days != label.stale_after_days,
    }
    return render_to_string("labels/learned_limit.html", context)


def with_limits(labels: QuerySet[Label]) -> QuerySet[Label]:
    """Labels that know what was learned of each, and whether they or a team set any limit, as `has_limit`."""
    of_a_team = TeamLimit.objects.filter(label=OuterRef("pk"), stale_after_days__isnull=False)
    has_limit = ExpressionWrapper(Q(stale_after_days__isnull=False) | Q(Exists(of_a_team)), output_field=BooleanField())
    return labels.select_related("learned_limit").annotate(has_limit=has_limit)


def beside(labels: Iterable[Label], *, counted: bool) -> list[tuple[LearnedLimit, str]]:
    """Of these labels, `with_limits`, the learned limits that are not the manual ones, each with its sentence."""
    known = [label for label in labels if label.step is not None and hasattr(label, "learned_limit")]
    known.sort(key=lambda label: (label.step or 0, label.pk))
    differing = [label.learned_limit for label in known if label.learned_limit.days != label.stale_after_days]
    return [(row, sentence(row, counted=counted)) for row in differing]


@require_POST
def use(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the limit of a label to the learned one, and go back to where the button was."""
    label = Label.objects.visible_to(viewer_of(request.user)).filter(pk=pk).first()
    if label is None:
        raise Http404
    if not request.user.has_perm(MAY_CHANGE):
        raise PermissionDenied
    try:
        changed = learned_limits.use(label, actor=request.user, origin=ORIGIN)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = _("The limit of “%(label)s” is %(days)d days now. The stale list follows at its next look.")
        messages.success(request, words % {"label": changed, "days": changed.stale_after_days})
    if request.POST.get("back") == STALE:
        return HttpResponseRedirect(reverse("admin:labels_staleflag_changelist"))
    return HttpResponseRedirect(reverse("admin:labels_label_change", args=[pk]))
