"""The test box of the rules: paste a first message, and see which rule fires, why, what else was close, and what not.

Nothing is kept of what is pasted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from contacts.models import Campaign, CampaignRule, Channel, Message
from contacts.selectors.campaign_rules import visible_rules
from contacts.selectors.explaining import Explanation, Lost, LostRule, Near, NearRule, explain
from contacts.selectors.recognizing import AD, CHANNEL, CLICK, KEYWORD, OF_ADS, REF, REGEX, Recognizer, RuleMatch
from contacts.selectors.viewing import viewer_of
from desk.base.days import DayField
from desk.templatetags.labelcrm import rule_days
from labelcrm.core.viewer import Viewer

LONGEST = 4000  # characters of a message that are looked at
FETCHED = "HX-Request"  # what htmx sends: the answer is the result alone

NAMES = {AD: gettext_lazy("ad id"), REF: gettext_lazy("ad ref"), CLICK: gettext_lazy("click id")}
BECAUSE = {
    **dict.fromkeys(OF_ADS, gettext_lazy("the message came by an ad whose %(field)s is “%(value)s”")),
    KEYWORD: gettext_lazy("“%(part)s” is in the message, and the rule looks for “%(value)s”"),
    REGEX: gettext_lazy("“%(part)s” is in the message, and the pattern “%(value)s” finds it"),
    CHANNEL: gettext_lazy("the message came to %(number)s, and nothing in it says more"),
}
WHY_LOST = {
    Lost.PRIORITY: gettext_lazy("would match too, but has priority %(priority)s, and lower ones are asked first"),
    Lost.EXACT: gettext_lazy("would match too, but the other rule is more exact"),
    Lost.AD: gettext_lazy("would match too, but what came by an ad is known by its ad alone"),
    Lost.WORDS: gettext_lazy("would match too, but the number speaks only when nothing in the message does"),
}
WHY_NEAR = {
    Near.PART: gettext_lazy("“%(value)s” is in “%(part)s”, but only whole words match"),
    Near.APART: gettext_lazy("“%(part)s” has the letters of “%(value)s”, but they are parted otherwise"),
    Near.TYPO: gettext_lazy("“%(part)s” differs from “%(value)s” by one letter"),
    Near.FIELD: gettext_lazy("“%(value)s” is the message's %(field)s, but the rule looks for it as %(kind)s"),
    Near.CASE: gettext_lazy("“%(part)s” is nearly “%(value)s”, but ids are compared exactly, capitals and blanks too"),
    Near.DAYS: gettext_lazy("“%(value)s” would match, but not on this day: it holds %(days)s"),
    Near.NUMBER: gettext_lazy("“%(value)s” would match, but only on %(number)s"),
    Near.OFF: gettext_lazy("“%(value)s” would match, but the rule is switched off"),
    Near.ARCHIVED: gettext_lazy("“%(value)s” would match, but its campaign is in the archive"),
}


class TryForm(forms.Form):
    """A first message as it would come in."""

    text = forms.CharField(
        label=gettext_lazy("First message"), required=False, max_length=LONGEST, strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "lc-input", "placeholder": "Halo kak, kode KAOS2 ya"}),
    )  # fmt: skip
    ad_id = forms.CharField(label=gettext_lazy("Ad id"), required=False, max_length=200)
    ref = forms.CharField(label=gettext_lazy("Ad ref"), required=False, max_length=200)
    click_id = forms.CharField(label=gettext_lazy("Click id"), required=False, max_length=200)
    channel: Any = forms.ModelChoiceField(
        label=gettext_lazy("To which number"), required=False, queryset=Channel.objects.none(),
        empty_label=gettext_lazy("any"), widget=forms.Select(attrs={"class": "lc-input"}),
    )  # fmt: skip
    day = DayField(label=gettext_lazy("On which day"), required=False)

    def __init__(self, given: Any = None, *, viewer: Viewer) -> None:
        super().__init__(given, auto_id="try_%s")
        numbers: Any = self.fields["channel"]
        numbers.queryset = Channel.objects.visible_to(viewer).order_by("name")
        for name in ("ad_id", "ref", "click_id"):
            self.fields[name].widget.attrs["class"] = "lc-input"

    def message(self) -> Message:
        """What was pasted, as a message that is not kept."""
        told = {key: self.cleaned_data[name].strip() for name, key in AD_FIELDS.items() if self.cleaned_data[name]}
        day, channel = self.cleaned_data["day"], self.cleaned_data["channel"]
        at = timezone.make_aware(datetime.combine(day, time(12))) if day else timezone.now()
        return Message(text=self.cleaned_data["text"], ad=told or None, channel=channel, at=at)


AD_FIELDS = {"ad_id": "source_id", "ref": "ref", "click_id": "click_id"}


@dataclass(slots=True)
class RuleLine:
    """One rule of the answer, in words; `rule` None: a number's default campaign."""

    campaign: Campaign | None
    rule: CampaignRule | None
    sentence: str


@dataclass(slots=True)
class TriedMessage:
    """What the test box says. `fired` None: no campaign, and `nothing` says so."""

    fired: RuleLine | None
    nothing: str = ""
    lost: list[RuleLine] = field(default_factory=list)
    near: list[RuleLine] = field(default_factory=list)


def empty_form(request: HttpRequest) -> TryForm:
    return TryForm(viewer=viewer_of(request.user))


@require_http_methods(["GET", "POST"])
def try_message(request: HttpRequest) -> HttpResponse:
    """The answer: for htmx alone, else on a page of its own with the form above it."""
    if not request.user.has_perm("contacts.view_campaignrule"):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    form = TryForm(request.POST or None, viewer=viewer)
    answer = answer_of(form.message(), viewer) if form.is_valid() else None
    context: dict[str, Any] = {"trying": form, "answer": answer}
    if request.headers.get(FETCHED):
        return TemplateResponse(request, "campaigns/answer.html", context)
    context |= {**admin.site.each_context(request), "title": _("Try the campaign rules")}
    return TemplateResponse(request, "campaigns/try.html", context)


def answer_of(message: Message, viewer: Viewer) -> TriedMessage:
    """What a first message shows, in words, as far as this reader may see the rules."""
    rules = list(visible_rules(viewer).select_related("campaign", "channel"))
    found = explain(message, recognizer=Recognizer.now(), rules=rules)
    campaigns = Campaign.all_objects.in_bulk({pk for pk in _campaign_ids(found) if pk})
    return TriedMessage(
        fired=_fired(found, message, campaigns),
        nothing=_nothing(found.fired, message),
        lost=[_lost(lost, campaigns) for lost in found.lost],
        near=[_near(near) for near in found.near],
    )


def _campaign_ids(found: Explanation) -> Iterable[int | None]:
    yield found.fired.campaign_id if found.fired else None
    yield from (lost.campaign_id for lost in found.lost)


def _fired(found: Explanation, message: Message, campaigns: dict[int, Campaign]) -> RuleLine | None:
    match = found.fired
    if match is None or match.campaign_id is None:
        return None
    words = {
        "field": NAMES.get(match.method, ""),
        "value": match.evidence.get(match.method, ""),
        "part": match.evidence.get("text", ""),
        "number": message.channel.name if message.channel_id else "",
    }
    return RuleLine(campaigns.get(match.campaign_id), found.rule, str(BECAUSE[match.method]) % words)


def _nothing(match: RuleMatch | None, message: Message) -> str:
    """Why no campaign is recognised."""
    if match is None:
        return _("No rule recognises this message.")
    if match.campaign_id is None:
        told = ", ".join(f"{NAMES[kind]} “{value}”" for kind, value in match.evidence.items())
        return _("It came by an ad that no campaign claims (%(told)s). Words do not count for what came by an ad.") % {
            "told": told
        }
    return ""


def _lost(lost: LostRule, campaigns: dict[int, Campaign]) -> RuleLine:
    sentence = str(WHY_LOST[lost.why]) % {"priority": lost.rule.priority if lost.rule else ""}
    return RuleLine(campaigns.get(lost.campaign_id or 0), lost.rule, sentence)


def _near(near: NearRule) -> RuleLine:
    rule = near.rule
    words = {
        "value": rule.pattern or str(rule.channel),
        "part": near.part,
        "field": NAMES.get(near.part, ""),
        "kind": rule.get_kind_display(),
        "days": rule_days(rule),
        "number": rule.channel.name if rule.channel else "",
    }
    return RuleLine(rule.campaign, rule, str(WHY_NEAR[near.why]) % words)
