"""First messages that no campaign claims, by how often they come, each a click away from the rule that would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from contacts.models import CampaignRule, Contact
from contacts.selectors import first_messages
from contacts.selectors.first_messages import UnclaimedAd, UnclaimedText
from contacts.selectors.viewing import viewer_of

SHORTEST_WORD = 3  # letters below which a word would find half of all messages
Kind = CampaignRule.Kind


@dataclass(frozen=True, slots=True)
class UnclaimedLine:
    """One group as the page shows it; `rule` is the address of a form filled in for it, "" where nothing stands out."""

    name: str
    under: str
    contacts: int
    share: float | None
    last_at: datetime
    people: list[Contact]
    word: str
    rule: str


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Both lists, of contacts that the reader sees. Six queries."""
    if not request.user.has_perms(["contacts.view_contact", "contacts.view_campaignrule"]):
        raise PermissionDenied
    viewer = viewer_of(request.user)
    found = first_messages.unclaimed(viewer=viewer)
    groups: list[UnclaimedText | UnclaimedAd] = [*found.texts, *found.ads]
    examples = {pk for group in groups for pk in group.examples}
    people = Contact.objects.visible_to(viewer).in_bulk(examples)
    context = {
        **admin.site.each_context(request),
        "title": _("First messages without a campaign"),
        "found": found,
        "texts": [_text(group, people) for group in found.texts],
        "ads": [_ad(group, people) for group in found.ads],
        "share": 100 * found.contacts / found.wrote if found.wrote else 0,
        "days": first_messages.DAYS,
        "most": first_messages.MOST,
        "may_add": request.user.has_perm("contacts.add_campaignrule"),
    }
    return TemplateResponse(request, "campaigns/first_messages.html", context)


def _text(group: UnclaimedText, people: dict[int, Contact]) -> UnclaimedLine:
    word = group.word if len(group.word) >= SHORTEST_WORD else ""
    return UnclaimedLine(
        name=group.sample,
        under="",
        contacts=group.contacts,
        share=100 * group.share,
        last_at=group.last_at,
        people=[people[pk] for pk in group.examples if pk in people],
        word=word,
        rule=_form(kind=Kind.KEYWORD, pattern=word) if word else "",
    )


def _ad(group: UnclaimedAd, people: dict[int, Contact]) -> UnclaimedLine:
    return UnclaimedLine(
        name=group.title or group.ad_id,
        under=group.ad_id if group.title else "",
        contacts=group.contacts,
        share=None,
        last_at=group.last_at,
        people=[people[pk] for pk in group.examples if pk in people],
        word=group.ad_id,
        rule=_form(kind=Kind.AD, pattern=group.ad_id),
    )


def _form(**values: Any) -> str:
    return f"{reverse('admin:contacts_campaignrule_add')}?{urlencode(values)}"
