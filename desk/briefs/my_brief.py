"""One's own morning brief: when it comes, by which ways, to which number, and what it would say now."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from contacts.services import staff_numbers
from desk.briefs import brief_words
from labelcrm.core import notices
from labelcrm.lib.numbers import whole_number
from transfer.briefs import brief_outbox, brief_settings, brief_text
from transfer.briefs.models import FIRST_HOUR, LAST_HOUR, BriefMessage, BriefPlan

LISTED = 7


def _reader(request: HttpRequest) -> Any:
    if not brief_settings.may_have_brief(request.user):
        raise PermissionDenied
    return request.user


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The page; posting saves when the brief comes and by which ways."""
    user = _reader(request)
    plan, errors = brief_settings.plan_of(user), {}
    if request.method == "POST":
        chosen = _chosen(request)
        try:
            brief_settings.change_plan(user, actor=user, **chosen)
        except ValidationError as refused:
            errors = {name: " ".join(said) for name, said in refused.message_dict.items()}
            plan = BriefPlan(user=user, changed_at=plan.changed_at, **chosen)
        else:
            messages.success(request, _("Saved."))
            return _back()
    return TemplateResponse(request, "briefs/mine.html", _context(request, plan, errors))


def _chosen(request: HttpRequest) -> dict[str, Any]:
    days = [whole_number(text, largest=6) for text in request.POST.getlist("weekdays")]
    hour = whole_number(request.POST.get("hour", ""), largest=23)
    return {
        "hour": -1 if hour is None else hour,
        "weekdays": [day for day in days if day is not None],
        "by_mail": "by_mail" in request.POST,
        "by_whatsapp": "by_whatsapp" in request.POST,
    }


def _context(request: HttpRequest, plan: BriefPlan, errors: dict[str, str]) -> dict[str, Any]:
    user: Any = request.user
    number = staff_numbers.number_of(user)
    saved = brief_settings.plan_of(user)
    today = timezone.localdate()
    rows = list(BriefMessage.objects.filter(user=user).order_by("-day", "way")[:LISTED])
    why = staff_numbers.refusal(number.phone, lid=number.lid) if number is not None else ""
    return {
        **admin.site.each_context(request),
        "title": _("My morning brief"),
        "plan": plan,
        "saved": saved,
        "errors": errors,
        "rhythm": brief_words.rhythm(saved) if saved.is_on else "",
        "hours": [(hour, time_format(time(hour))) for hour in HOURS],
        "weekdays": list(WEEKDAYS.items()),
        "last_hour": brief_words.last_hour(),
        "mail_is_set_up": notices.mail_is_set_up(),
        "sender": brief_settings.sending_channel(),
        "number": number,
        "refused": staff_numbers.refused_because(why) if why else "",
        "code_holds": number is not None and _waits_for_code(number),
        "lines": [(row, brief_words.TONES.get(row.state, ""), brief_words.reason(row)) for row in rows],
        "sent_today": any(row.day == today and row.state in _FINAL for row in rows),
        "words": brief_text.brief_words(user, now=timezone.now()),
    }


HOURS = range(FIRST_HOUR, LAST_HOUR + 1)
_FINAL = (BriefMessage.State.SENT, BriefMessage.State.SENDING, BriefMessage.State.UNKNOWN)


def _waits_for_code(number: Any) -> bool:
    return bool(number.code_hash and number.code_expires_at and number.code_expires_at > timezone.now())


@require_POST
def ask_for_number(request: HttpRequest) -> HttpResponse:
    """Send a code to the number that was typed."""
    user, channel = _reader(request), brief_settings.sending_channel()
    if channel is None:
        raise PermissionDenied
    try:
        answer = staff_numbers.ask(user, request.POST.get("phone", ""), channel=channel)
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    else:
        level = messages.SUCCESS if answer.code == "" else messages.WARNING
        messages.add_message(request, level, brief_words.about_code(answer))
    return _back()


@require_POST
def confirm_number(request: HttpRequest) -> HttpResponse:
    """Take the code that came."""
    wrong = staff_numbers.confirm(_reader(request), request.POST.get("code", ""))
    if wrong:
        messages.error(request, wrong)
    else:
        messages.success(request, _("Confirmed: this is your number."))
    return _back()


@require_POST
def remove_number(request: HttpRequest) -> HttpResponse:
    """Forget one's number."""
    user = _reader(request)
    number = staff_numbers.number_of(user)
    if number is not None:
        staff_numbers.take_back(number, actor=user)
        messages.success(request, _("Your number was forgotten."))
    return _back()


@require_POST
def send_now(request: HttpRequest) -> HttpResponse:
    """Send today's brief at once; it is today's."""
    try:
        brief_outbox.ask_now(_reader(request))
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    else:
        messages.success(request, _("Today's brief is on its way. It takes a moment."))
    return _back()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:my-brief"))
