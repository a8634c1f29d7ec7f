"""What is said of briefs on pages: when they come, and why one did not go out."""

from __future__ import annotations

from datetime import time

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.services import staff_numbers
from transfer.briefs.models import TOO_LATE, BriefMessage, BriefPlan
from webhooks.gateways.sending import SendAnswer, SendOutcome

State = BriefMessage.State
TONES: dict[str, str] = {State.SENT: "good", State.FAILED: "bad", State.UNKNOWN: "warn"}
# By the codes of `brief_outbox`, `staff_numbers` and `webhooks.gateways.sending`.
REASONS: dict[str, str | Promise] = {
    "bad_number": gettext_lazy("the gateway says that this number has no WhatsApp"),
    "broken_off": gettext_lazy("the gateway broke the call off after it had the message"),
    "busy": gettext_lazy("the gateway was busy"),
    "channel_not_ready": gettext_lazy("the sending number lacks the gateway's address or key, or is archived"),
    "gateway_error": gettext_lazy("the gateway had an error"),
    "host_not_allowed": gettext_lazy("the gateway's host is not in GATEWAY_HOSTS"),
    "is_channel": gettext_lazy("the number is one of the business's own"),
    "is_contact": gettext_lazy("a contact has this number now: nothing is sent to contacts"),
    "mail_refused": gettext_lazy("the mail server refused it"),
    "mail_unreachable": gettext_lazy("the mail server could not be reached"),
    "new_chat_limit": gettext_lazy("WhatsApp lets the sending number begin no new chats for a while"),
    "no_access": gettext_lazy("the reader may see no contacts any more"),
    "no_mail": gettext_lazy("no e-mail address, or no mail server"),
    "no_number": gettext_lazy("the number is not confirmed any more"),
    "not_connected": gettext_lazy("the sending number was not connected"),
    "not_found": gettext_lazy("the gateway does not know the session, or its address is wrong"),
    "not_let_in": gettext_lazy("the gateway refused the API key"),
    "redirected": gettext_lazy("the gateway's address leads elsewhere"),
    "refused": gettext_lazy("the gateway refused it"),
    "stopped_its_worker": gettext_lazy("the worker stopped while it was sent"),
    "switched_off": gettext_lazy("switched off by then"),
    "too_late": gettext_lazy("it was noon before it could be sent"),
    "too_slow": gettext_lazy("the gateway had the message and did not answer in time"),
    "unreachable": gettext_lazy("the gateway could not be reached"),
}


def reason(message: BriefMessage) -> str:
    """Why it is not sent, or not yet, or perhaps; with the status of HTTP where there was one."""
    if not message.error:
        return ""
    said = str(REASONS.get(message.error, message.error))
    return f"{said} (HTTP {message.http_status})" if message.http_status else said


def rhythm(plan: BriefPlan) -> str:
    """`Mon, Tue, Wed 07:00`; whole weeks in words."""
    hour = time_format(time(plan.hour))
    days = plan.weekdays
    if len(days) == 7:
        return _("every day %(hour)s") % {"hour": hour}
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        said = _("%(first)s to %(last)s") % {"first": WEEKDAYS[days[0]], "last": WEEKDAYS[days[-1]]}
    else:
        said = ", ".join(str(WEEKDAYS_ABBR[day]) for day in days)
    return f"{said} {hour}"


def last_hour() -> str:
    """Until when a brief that is late is still sent."""
    return time_format(time(TOO_LATE))


def masked(phone: str) -> str:
    """The last digits of a colleague's number, which is nobody else's business."""
    return f"…{phone[-4:]}" if phone else ""


def about_code(answer: SendAnswer) -> str:
    """What became of the message with a code."""
    if answer.outcome is SendOutcome.SENT:
        minutes = int(staff_numbers.CODE_HOLDS.total_seconds() // 60)
        return _("The code is on its way to your WhatsApp. It holds for %(n)s minutes.") % {"n": minutes}
    why = str(REASONS.get(answer.code, answer.code))
    if answer.outcome is SendOutcome.UNKNOWN:
        return _("Perhaps the code is on its way: %(why)s. If it does not come, ask for another.") % {"why": why}
    return _("The code was not sent: %(why)s.") % {"why": why}
