"""A user's own number: asking for it by a code, confirming, taking it back; and what makes a number nobody's here.

A number of a contact or of one of the business's channels is refused: when it is typed, when its code is, and again
each time before anything is sent to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from contacts.models import Channel, ContactIdentity, IdentityKind, StaffNumber
from contacts.services import staff_messages
from labelcrm.core import audit
from labelcrm.lib.phones import same_number, to_e164
from webhooks.gateways.events import Chat
from webhooks.gateways.sending import SendAnswer, SendOutcome

CODE_DIGITS = 6
CODE_HOLDS = timedelta(minutes=10)
MOST_TRIES = 5
MOST_CODES = 4  # of one user within an hour
IS_CONTACT, IS_CHANNEL = "is_contact", "is_channel"


def number_of(user: Any) -> StaffNumber | None:
    """The number that a user gave, confirmed or not; None for none."""
    return StaffNumber.objects.filter(user_id=user.pk).exclude(phone="").first()


def refusal(phone: str, *, lid: str = "") -> str:
    """Why nothing may be sent to a number: it is a contact's, archived ones too, or a channel's; else ""."""
    forms = same_number(phone)
    whose = Q(kind=IdentityKind.PHONE, value__in=forms)
    if lid:
        whose |= Q(kind=IdentityKind.LID, value=lid)
    if ContactIdentity.objects.filter(whose).exists():
        return IS_CONTACT
    return IS_CHANNEL if Channel.all_objects.filter(own_phone__in=forms).exists() else ""


def refused_because(code: str) -> str:
    """What is said of a number that is refused."""
    return {
        IS_CONTACT: _(
            "This number is a contact's here, and labelcrm never writes to contacts by itself. Use a number that no "
            "contact has."
        ),
        IS_CHANNEL: _("This is one of the business's own WhatsApp numbers. Use your own."),
    }[code]


# -- Asking for a number ----------------------------------------------------------------------------------------------


def ask(user: Any, typed: str, *, channel: Channel) -> SendAnswer:
    """Take what a user typed as their number and send it a code through `channel`; what became of the message.

    A number that was confirmed before is so no more, unless it is the same. Raises ValidationError.
    """
    phone = to_e164(typed, region=settings.PHONE_REGION)
    if phone is None:
        raise ValidationError(_("This is no phone number that we can read. Write it with its country code."))
    number, code = _new_code(user, phone)
    with translation.override(user.language):
        text = _("%(code)s is your code for the morning brief of labelcrm. It holds for 10 minutes.") % {"code": code}
    answer = staff_messages.deliver(number, text, channel=channel)
    if answer.outcome in (SendOutcome.REFUSED, SendOutcome.LATER):
        _forget_code(number)
    return answer


@transaction.atomic
def _new_code(user: Any, phone: str) -> tuple[StaffNumber, str]:
    """The user's row with a new code, written before anything goes out."""
    StaffNumber.objects.get_or_create(user_id=user.pk)
    number = StaffNumber.objects.select_for_update().get(user_id=user.pk)
    now = timezone.now()
    if number.is_verified and number.phone == phone:
        raise ValidationError(_("This number is confirmed already."))
    _check(number, phone)
    _count_code(number, now)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    number.phone, number.lid, number.verified_at = phone, "", None
    number.code_hash, number.code_expires_at, number.code_tries = _hash(phone, code), now + CODE_HOLDS, 0
    number.save()
    audit.record(actor=user, action="staffnumber.asked", obj=number)
    return number, code


def _check(number: StaffNumber, phone: str) -> None:
    if why := refusal(phone):
        raise ValidationError(refused_because(why), code=why)
    if StaffNumber.objects.filter(phone=phone, verified_at__isnull=False).exclude(pk=number.pk).exists():
        raise ValidationError(_("A colleague has confirmed this number as theirs."), code="taken")


def _count_code(number: StaffNumber, now: datetime) -> None:
    since = number.codes_since
    if since is None or not since <= now < since + timedelta(hours=1):
        number.codes_since, number.codes_sent = now, 0
    if number.codes_sent >= MOST_CODES:
        raise ValidationError(_("That were many codes. Try again in an hour."), code="too_many")
    number.codes_sent += 1


def _hash(phone: str, code: str) -> str:
    return salted_hmac("contacts.staff_numbers", f"{phone} {code}", algorithm="sha256").hexdigest()


def _forget_code(number: StaffNumber) -> None:
    """Of a message that certainly did not go out."""
    held = StaffNumber.objects.filter(pk=number.pk, code_hash=number.code_hash)
    held.update(code_hash="", code_expires_at=None)


def confirm(user: Any, code: str) -> str:
    """Take the code that a user typed; "" when the number is theirs now, else why not: a sentence."""
    try:
        with transaction.atomic():
            number = StaffNumber.objects.select_for_update().filter(user_id=user.pk).exclude(code_hash="").first()
            return _("Ask for a code first.") if number is None else _confirm(number, code, actor=user)
    except IntegrityError:
        return _("A colleague has confirmed this number as theirs.")


def _confirm(number: StaffNumber, code: str, *, actor: Any) -> str:
    """A wrong code counts, so the transaction goes through."""
    now = timezone.now()
    if number.code_expires_at is None or now >= number.code_expires_at or number.code_tries >= MOST_TRIES:
        return _("This code does not hold any more. Ask for a new one.")
    number.code_tries += 1
    if not constant_time_compare(number.code_hash, _hash(number.phone, "".join(code.split()))):
        number.save(update_fields=["code_tries"])
        return _("That is not the code.")
    if why := refusal(number.phone):
        return refused_because(why)
    number.verified_at, number.code_hash, number.code_expires_at = now, "", None
    number.save()
    audit.record(actor=actor, action="staffnumber.confirmed", obj=number)
    return ""


@transaction.atomic
def take_back(number: StaffNumber, *, actor: Any) -> None:
    """Nothing is sent to this number any more; it is forgotten."""
    row = StaffNumber.objects.select_for_update().get(pk=number.pk)
    if row.phone:
        row.phone = row.lid = row.code_hash = ""
        row.verified_at = row.code_expires_at = None
        row.save()
        audit.record(actor=actor, action="staffnumber.forgotten", obj=row)


# -- For the drain ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffAddresses:
    """Numbers (E.164) and LIDs of people who work here, who are no contacts.

    `confirmed` ones neither way; `asked` ones only in what the business's numbers wrote to them, for it may be the
    code: who writes from a number that nobody has confirmed yet is whoever they are.
    """

    confirmed: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.asked)


NO_STAFF = StaffAddresses()


def staff_addresses(now: datetime) -> StaffAddresses:
    """Whose chats are not for us at `now`: of users who may log in; in one query."""
    rows = StaffNumber.objects.filter(user__is_active=True).exclude(phone="")
    confirmed: set[str] = set()
    asked: set[str] = set()
    for phone, lid, verified_at, expires_at in rows.values_list("phone", "lid", "verified_at", "code_expires_at"):
        if verified_at is not None:
            confirmed.update(filter(None, (*same_number(phone), lid)))
        elif expires_at is not None and now < expires_at:
            asked.update(same_number(phone))
    return StaffAddresses(frozenset(confirmed), frozenset(asked))


def learn_lids(chats: Iterable[Chat]) -> None:
    """Remember the LIDs of confirmed numbers, where a post told both."""
    for phone, lid in {(chat.phone, chat.lid) for chat in chats if chat.phone and chat.lid}:
        theirs = StaffNumber.objects.filter(phone__in=same_number(phone), verified_at__isnull=False)
        theirs.exclude(lid=lid).update(lid=lid)
