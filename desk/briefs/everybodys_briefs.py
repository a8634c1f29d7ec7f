"""The owner's page of morning briefs: WhatsApp on or off, the number that sends, who gets one; and the list of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from contacts.models import StaffNumber
from contacts.selectors.viewing import viewer_of
from contacts.services import staff_messages
from desk.base.filters import DayRangeFilter
from desk.base.model_admin import RecordAdmin
from desk.briefs import brief_words
from desk.templatetags.labelcrm import flag, moment, person
from labelcrm.core import notices
from labelcrm.lib.numbers import row_id
from transfer.briefs import brief_settings
from transfer.briefs.brief_settings import SETS_BRIEFS
from transfer.briefs.models import BriefMessage, BriefPlan

READS = "transfer.view_briefmessage"


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """Somebody who has a plan; `number` shows no more than its end."""

    plan: BriefPlan
    rhythm: str
    number: str
    confirmed: bool
    last: BriefMessage | None
    tone: str
    reason: str


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The page; posting saves whether briefs go by WhatsApp and which number sends."""
    if not request.user.has_perm(READS):
        raise PermissionDenied
    row, errors = brief_settings.brief_settings(), {}
    channels = brief_settings.channels_that_send(viewer_of(request.user))
    if request.method == "POST":
        if not request.user.has_perm(SETS_BRIEFS):
            raise PermissionDenied
        chosen = row_id(request.POST.get("channel", ""))
        channel = next((each for each in channels if each.pk == chosen), None)
        try:
            brief_settings.change_settings(whatsapp="whatsapp" in request.POST, channel=channel, actor=request.user)
        except ValidationError as refused:
            errors = {name: " ".join(said) for name, said in refused.message_dict.items()}
            row.whatsapp, row.channel = "whatsapp" in request.POST, channel
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("admin:briefs"))
    context = {
        **admin.site.each_context(request),
        "title": _("Morning briefs"),
        "row": row,
        "errors": errors,
        "channels": [(each, _lacks(each)) for each in channels],
        "may_change": request.user.has_perm(SETS_BRIEFS),
        "mail_is_set_up": notices.mail_is_set_up(),
        "last_hour": brief_words.last_hour(),
        "lines": _readers(),
    }
    return TemplateResponse(request, "briefs/everybodys.html", context)


def _lacks(channel: Any) -> str:
    code = staff_messages.lacks(channel)
    return brief_settings.lacks_in_words(code) if code else ""


def _readers() -> list[ReaderLine]:
    """Everybody with a plan, by name; in three queries."""
    plans = [plan for plan in BriefPlan.objects.select_related("user").order_by("user__username") if plan.is_on]
    numbers = {number.user_id: number for number in StaffNumber.objects.exclude(phone="")}
    latest = BriefMessage.objects.order_by("user_id", "-day", "-id").distinct("user_id")
    last = {message.user_id: message for message in latest}
    return [_line(plan, numbers.get(plan.user_id), last.get(plan.user_id)) for plan in plans]


def _line(plan: BriefPlan, number: StaffNumber | None, last: BriefMessage | None) -> ReaderLine:
    return ReaderLine(
        plan=plan,
        rhythm=brief_words.rhythm(plan),
        number=brief_words.masked(number.phone) if number else "",
        confirmed=number is not None and number.is_verified,
        last=last,
        tone=brief_words.TONES.get(last.state, "") if last else "",
        reason=brief_words.reason(last) if last else "",
    )


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Send somebody no more briefs until they switch them on again."""
    if not request.user.has_perm(SETS_BRIEFS):
        raise PermissionDenied
    plan = BriefPlan.objects.select_related("user").filter(pk=pk).first()
    if plan is None:
        raise Http404
    brief_settings.stop_plan(plan, actor=request.user)
    messages.success(request, _("%(name)s gets no more briefs.") % {"name": person(plan.user)})
    return HttpResponseRedirect(reverse("admin:briefs"))


@admin.register(BriefMessage)
class BriefMessageAdmin(RecordAdmin):
    """Every brief there was, with what became of it."""

    list_display = ("day", "reader", "way", "state_shown", "reason_shown", "tries", "at_shown")
    card = ("reader", "day", "reason_shown", "state_shown")
    list_filter = ("state", "way", ("day", DayRangeFilter))
    list_select_related = ("user", "channel")
    search_fields = ("user__username", "user__first_name", "user__last_name")
    search_help_text = gettext_lazy("Name or login")
    empty_help = gettext_lazy("Nobody was sent a morning brief yet. Everybody switches their own on.")
    ordering = ("-id",)
    fields = ("day", "reader", "way", "state_shown", "reason_shown", "tries", "at_shown", "asked", "channel")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("user"), ordering="user__first_name")
    def reader(self, message: BriefMessage) -> str:
        return person(message.user)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, message: BriefMessage) -> str:
        return flag(message.get_state_display(), brief_words.TONES.get(message.state, ""))

    @admin.display(description=gettext_lazy("reason"))
    def reason_shown(self, message: BriefMessage) -> str:
        return format_html("{}", brief_words.reason(message)) or self.get_empty_value_display()

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def at_shown(self, message: BriefMessage) -> str:
        return moment(message.at) if message.at else self.get_empty_value_display()
