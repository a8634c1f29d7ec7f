"""The rules of all campaigns: a list with what each recognised lately, a form, and what saving one would change.

A form is not saved at once. Its rule becomes a draft that a job counts through the history; the page of the draft says
which contacts would have another campaign, and saves the rule for new messages alone or applies it to the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesRadioFilter

from contacts import jobs
from contacts.jobs import PREVIEW
from contacts.models import Campaign, CampaignRule, CampaignTouch, Contact
from contacts.selectors.campaign_rules import visible_rules
from contacts.selectors.viewing import viewer_of
from contacts.services.campaigns import set_by_hand
from desk.base.filters import AutocompleteFilter
from desk.base.model_admin import ORIGIN, EditingAdmin
from desk.campaigns import first_messages, trying
from desk.system.work import visible_jobs
from desk.templatetags.labelcrm import flag, rule_days
from labelcrm.core.jobs import do_at_once
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id

RECENT = timedelta(days=30)  # of which the list counts what each rule recognised
AT_ONCE = 1.0  # seconds that a page waits for the count: some thousand contacts


@dataclass(frozen=True, slots=True)
class ShownMove:
    """So many contacts go from one campaign to another (None: no campaign); some of them are named."""

    was: Campaign | None
    becomes: Campaign | None
    contacts: int
    examples: list[Contact]


class RuleForm(forms.ModelForm):
    class Meta:
        model = CampaignRule
        fields = ("campaign", "kind", "pattern", "match", "channel", "since", "until", "priority", "active")
        help_texts: ClassVar[Mapping[str, Any]] = {
            "pattern": gettext_lazy(
                "An id as the ad has it, a word or code such as KAOS25, or a pattern such as kaos ?\\d{2}. Empty for a "
                "WhatsApp number."
            ),
            "channel": gettext_lazy("Empty: on every number. A rule of the kind “WhatsApp number” needs one."),
            "since": gettext_lazy("Empty: from the beginning."),
            "until": gettext_lazy("This day included. Empty: without an end."),
            "priority": gettext_lazy("Lower ones are asked first. An ad goes before words, words before a number."),
            "active": gettext_lazy("Switched off, it recognises nothing new; what it recognised stays."),
        }


@admin.register(CampaignRule)
class CampaignRuleAdmin(EditingAdmin):
    form = RuleForm
    list_display = ("value_shown", "campaign", "recognised_shown", "channel", "days_shown", "priority", "active_shown")
    list_filter = (
        ("campaign", AutocompleteFilter),
        ("kind", ChoicesRadioFilter),
        ("active", BooleanRadioFilter),
    )
    card = ("value_shown", "days_shown", "campaign", "recognised_shown")
    list_before_template = "campaigns/rules_head.html"
    list_after_template = "campaigns/rules_foot.html"
    search_fields = ("pattern", "campaign__name", "campaign__code")
    search_help_text = gettext_lazy("Words, id or campaign")
    ordering = ("campaign__name", "campaign_id", "priority", "id")
    autocomplete_fields = ("campaign", "channel")
    fields = ("campaign", ("kind", "pattern"), ("match", "channel"), ("since", "until"), ("priority", "active"))
    empty_help = gettext_lazy(
        "A rule says how a first message shows that a campaign brought it: the id of an ad, a code in the text, or the "
        "number that was written to."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        viewer = viewer_of(request.user)
        touches = CampaignTouch.objects.filter(rule=OuterRef("pk"), at__gte=timezone.now() - RECENT).order_by()
        if not viewer.everything:
            touches = touches.filter(channel_id__in=viewer.channels)
        counted = Coalesce(Subquery(touches.values("rule").annotate(n=Count("pk")).values("n")), 0)
        rows = visible_rules(viewer).select_related("campaign", "channel")
        return rows.annotate(recognised=counted).order_by(*self.ordering)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("try/", wrap(trying.try_message), name="campaign-rule-try"),
            path("first-messages/", wrap(first_messages.page), name="first-messages"),
            path("by-hand/<int:pk>/", wrap(by_hand), name="campaign-by-hand"),
            path("count/", wrap(count_all), name="campaign-rules-count"),
            path("preview/<int:pk>/", wrap(preview), name="campaign-rule-preview"),
            path("preview/<int:pk>/rows/", wrap(preview_rows), name="campaign-rule-preview-rows"),
            path("preview/<int:pk>/save/", wrap(save), name="campaign-rule-save"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"trying": trying.empty_form(request), "title": _("Campaign rules")}
        return super().changelist_view(request, shown | (extra_context or {}))

    # -- Columns ----------------------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("rule"))
    def value_shown(self, rule: CampaignRule) -> str:
        kind = rule.get_kind_display()
        value = rule.pattern or (rule.channel.name if rule.channel else "")
        return format_html('<b class="lc-rule">{}</b> <small class="lc-quiet lc-under">{}</small>', value, kind)

    @admin.display(description=gettext_lazy("recognised, 30 days"), ordering="recognised")
    def recognised_shown(self, rule: Any) -> str:
        return number_format(rule.recognised, force_grouping=True)

    @admin.display(description=gettext_lazy("days"), ordering="since")
    def days_shown(self, rule: CampaignRule) -> str:
        return rule_days(rule)

    @admin.display(description=gettext_lazy("state"), ordering="active")
    def active_shown(self, rule: CampaignRule) -> str:
        if rule.campaign.is_archived:
            return flag(_("campaign archived"), "warn")
        return flag(_("active"), "good") if rule.active else flag(_("switched off"))

    # -- The form: its rule becomes a draft -------------------------------------------------------------------------

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        draft = _draft(request)
        fields = ("campaign", "kind", "pattern", "match", "channel", "since", "until", "priority", "active")
        return (
            {name: getattr(draft, name) for name in fields} if draft else super().get_changeform_initial_data(request)
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the values of a draft that its writer came back from."""
        rule, draft = super().get_object(request, object_id, from_field), _draft(request)
        if rule is not None and draft is not None and draft.pk == rule.pk and request.method == "GET":
            for field in self.opts.concrete_fields:
                setattr(rule, field.attname, getattr(draft, field.attname))
        return rule

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, extra_context=buttons | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: the page of the draft saves it."""

    def response_add(self, request: HttpRequest, obj: CampaignRule, post_url_continue: str | None = None) -> Any:
        return _to_preview(jobs.preview(obj, actor=request.user))

    def response_change(self, request: HttpRequest, obj: CampaignRule) -> Any:
        return _to_preview(jobs.preview(obj, actor=request.user))


def _to_preview(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:campaign-rule-preview", args=[job.pk]))


def _draft(request: HttpRequest) -> CampaignRule | None:
    """The rule of the draft that the address names, one's own only."""
    pk = row_id(request.GET.get("draft"))
    job = Job.objects.filter(pk=pk, kind=PREVIEW.name, owner=request.user.pk).first() if pk else None
    return jobs.draft_of(job) if job else None


# -- What a draft would change ----------------------------------------------------------------------------------------


def _visible_preview(request: HttpRequest, pk: int) -> Job:
    """A count that the reader asked for; anybody's for who sees everybody's work. Raises PermissionDenied, Http404."""
    if not request.user.has_perm("contacts.change_campaignrule"):
        raise PermissionDenied
    job = visible_jobs(request.user).filter(pk=pk, kind=PREVIEW.name).first()
    if job is None:
        raise Http404
    return job


@require_POST
def count_all(request: HttpRequest) -> HttpResponse:
    """Count what all rules, as they are, would change of the history."""
    if not request.user.has_perm("contacts.change_campaignrule"):
        raise PermissionDenied
    return _to_preview(jobs.preview(None, actor=request.user))


@require_safe
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a draft would change. Waits a moment for the count; else the page shows how far it is."""
    job = _visible_preview(request, pk)
    if not job.is_finished:
        do_at_once([job], seconds=AT_ONCE)
        job.refresh_from_db()
    context = {
        **admin.site.each_context(request),
        **_counted(request, job),
        "title": _("What this rule would change") if job.parameters["draft"] else _("What the rules would change"),
        "refresh": reverse("admin:campaign-rule-preview-rows", args=[pk]),
    }
    return TemplateResponse(request, "campaigns/preview.html", context)


@require_safe
def preview_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """The count alone: an open page asks for it while it is at work."""
    return TemplateResponse(request, "campaigns/preview_rows.html", _counted(request, _visible_preview(request, pk)))


def _counted(request: HttpRequest, job: Job) -> dict[str, Any]:
    draft = jobs.draft_of(job)
    percent = job.progress * 100 // job.total if job.total else 0
    moves = _moves(job.result, viewer_of(request.user)) if job.state == Job.State.DONE else []
    return {
        "job": job,
        "draft": draft,
        "campaign": draft.campaign if draft else None,
        "moves": moves,
        "contacts": job.result.get("contacts", 0),
        "seen": job.result.get("seen", 0),
        "other_touches": job.result.get("touches", 0),
        "percent": percent,
        "waiting": not job.is_finished,
        "said": _("%(percent)d%% counted") % {"percent": percent // 10 * 10} if not job.is_finished else _("Counted."),
        "back": _form_address(draft, job),
    }


def _form_address(draft: CampaignRule | None, job: Job) -> str:
    if draft is None:
        return reverse("admin:contacts_campaignrule_changelist")
    form = ("add", []) if draft.pk is None else ("change", [draft.pk])
    return f"{reverse(f'admin:contacts_campaignrule_{form[0]}', args=form[1])}?draft={job.pk}"


def _moves(result: Mapping[str, Any], viewer: Viewer) -> list[ShownMove]:
    """The kinds of moves with their campaigns, and those of the examples that the reader may see."""
    campaigns = Campaign.all_objects.in_bulk({pk for move in result["moves"] for pk in move[:2] if pk})
    people = Contact.objects.visible_to(viewer).in_bulk({pk for move in result["moves"] for pk in move[3]})
    return [
        ShownMove(campaigns.get(was), campaigns.get(becomes), contacts, [people[pk] for pk in who if pk in people])
        for was, becomes, contacts, who in result["moves"]
    ]


@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the rule of a draft; `apply` in the form: and apply the rules to the history."""
    job = _visible_preview(request, pk)
    draft = jobs.draft_of(job)
    if draft is not None and draft.pk is None and not request.user.has_perm("contacts.add_campaignrule"):
        raise PermissionDenied
    try:
        applied = jobs.save_previewed(job, actor=request.user, origin=ORIGIN, apply="apply" in request.POST)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(_form_address(draft, job))
    if applied is None:
        messages.success(request, _("Saved. It holds for messages that come from now on."))
        return HttpResponseRedirect(reverse("admin:contacts_campaignrule_changelist"))
    messages.success(request, _applied_note(applied))
    return HttpResponseRedirect(reverse("admin:contacts_campaignrule_changelist"))


@require_POST
def by_hand(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which campaign brought a contact, or take that back."""
    if not request.user.has_perm("contacts.change_contact"):
        raise PermissionDenied
    contact = get_object_or_404(Contact.objects.visible_to(viewer_of(request.user)), pk=pk)
    chosen = request.POST.get("campaign", "")
    campaign = get_object_or_404(Campaign.objects.all(), pk=row_id(chosen) or 0) if chosen else None
    set_by_hand(contact, campaign, actor=request.user, origin=ORIGIN)
    messages.success(request, _("Saved."))
    return HttpResponseRedirect(reverse("admin:contacts_contact_page", args=[pk]))


def _applied_note(job: Job) -> str:
    do_at_once([job], seconds=AT_ONCE)
    job.refresh_from_db()
    if job.state == Job.State.DONE:
        return str(jobs.REPLAY.outcome(job))
    return _("The history is being looked through; “Work” says how far that is.")
