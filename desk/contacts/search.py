"""Finding a contact the way people type: a number in any spelling, a chat id, or part of a name."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Right
from phonenumbers import country_code_for_region

from contacts.models import ContactIdentity, IdentityKind
from contacts.selectors.hidden_numbers import named_exactly, username_like
from labelcrm.lib import phones
from labelcrm.lib.text import legible
from webhooks.gateways import user_ids

JID = re.compile(r"(?P<user>\d+)(?:[:.]\d+)?@(?P<server>s\.whatsapp\.net|c\.us|lid|hosted|hosted\.lid)", re.ASCII)
NUMBER = re.compile(r"[\d\s()+./…-]+", re.ASCII)  # "…1098" is how the end of an id is shown
MIN_DIGITS = MIN_LETTERS = 3  # what a trigram index needs
END = 4  # digits that the index of ends knows
MOST_OWNERS = 200


def find(contacts: QuerySet[Any], term: str) -> QuerySet[Any]:
    """The contacts `term` may mean: a JID or Meta's id exactly, digits anywhere in a phone, else a name or username."""
    term = legible(term)
    jid = JID.fullmatch(term.lower())
    if jid:
        lid = "lid" in jid["server"]
        kind, values = (
            (IdentityKind.LID, (jid["user"],)) if lid else (IdentityKind.PHONE, phones.same_number(f"+{jid['user']}"))
        )
        return contacts.filter(pk__in=_owners(Q(kind=kind, value__in=values)))
    if term.startswith("@"):
        return contacts.filter(username_like(term))
    if user_ids.read(term) is not None:
        return contacts.filter(named_exactly(term) | Q(name__contains_unaccented=term))
    digits = significant_digits(term)
    if digits:
        others = _owners(_other_forms(digits), _other_ends(term))
        return contacts.filter(Q(phone__contains=digits) | Q(name__contains_unaccented=term) | Q(pk__in=others))
    if meant := phones.lookups(term, region=settings.PHONE_REGION):  # a link, or a number with something around it
        forms = [form for number in meant for form in phones.same_number(number)]
        return contacts.filter(Q(phone__in=forms) | Q(pk__in=_owners(Q(kind=IdentityKind.PHONE, value__in=forms))))
    words = Q()
    for word in term.split():
        words &= Q(name__contains_unaccented=word)
    return contacts.filter(words | username_like(term)) if term else contacts


def ending_in(contacts: QuerySet[Any], term: str) -> QuerySet[Any]:
    """The contacts whose number ends in the digits of `term`, at least four: any of their numbers, or the id instead.

    How people look for a chat: by the end of its number. By an index of the last four digits of all identifiers.
    """
    ends = _ends(term)
    if not ends:
        return contacts.none()
    shown = Q(kind=IdentityKind.PHONE) | Q(contact__phone="")
    return contacts.filter(pk__in=_identities().filter(ends, shown).values("contact_id"))


def significant_digits(term: str) -> str:
    """The digits that any spelling of a number shares with its E.164 form; "" when `term` is no number.

    >>> significant_digits("0812-3456 7890"), significant_digits("+62 (0)812 3456"), significant_digits("Toko 24")
    ('81234567890', '628123456', '')
    """
    if not NUMBER.fullmatch(term):
        return ""
    digits = re.sub(r"\D", "", term.replace("(0)", ""))
    digits = digits.removeprefix("00") if term.startswith("00") else digits.removeprefix("0")
    digits = re.sub(r"^620", "62", digits)
    return digits if len(digits) >= MIN_DIGITS else ""


def _other_forms(digits: str) -> Q:
    """Who has `digits` as a LID, or as a phone that does not lead or that leads in another form."""
    here = f"+{country_code_for_region(settings.PHONE_REGION)}{digits}"
    forms = [*phones.same_number(f"+{digits}"), here]
    return Q(kind=IdentityKind.LID, value=digits) | Q(kind=IdentityKind.PHONE, value__in=forms)


def _other_ends(term: str) -> Q:
    """Who has a phone that does not lead and ends in `term`, or an id that does where there is no phone."""
    ends = _ends(term)
    other = Q(kind=IdentityKind.PHONE) & ~Q(value=F("contact__phone"))
    return ends & (other | Q(contact__phone="")) if ends else Q(pk__in=[])


def _ends(term: str) -> Q:
    """Identifiers that end in the digits of `term` as they stand, or as they read behind a country code."""
    term = legible(term)
    if not NUMBER.fullmatch(term):
        return Q()
    forms = {digits for digits in (re.sub(r"\D", "", term), significant_digits(term)) if len(digits) >= END}
    return Q(*(Q(end=digits[-END:], value__endswith=digits) for digits in forms), _connector=Q.OR)


def _identities() -> QuerySet[ContactIdentity]:
    return ContactIdentity.objects.annotate(end=Right("value", END))


def _owners(*conditions: Q) -> list[int]:
    """The contacts of the identifiers that meet one of the conditions, found by an index each and in one query."""
    found = (_identities().filter(each).order_by().values_list("contact_id", flat=True) for each in conditions)
    first, *others = (each[:MOST_OWNERS] for each in found)
    return list(first.union(*others)) if others else list(first)
