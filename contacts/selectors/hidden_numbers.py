"""Finding people whose number is hidden: by LID, by Meta's user id, by username."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.models import Q

from contacts.models import ContactIdentity, IdentityKind
from webhooks.gateways import user_ids

_LID = re.compile(r"(?P<digits>[1-9]\d{4,19})(?P<server>@(?:hosted\.)?lid)?", re.ASCII)
_IN_A_USERNAME = re.compile(r"@?(?P<part>[A-Za-z0-9._]{1,60})", re.ASCII)
META_IDS = (IdentityKind.USER_ID.value, IdentityKind.PARENT_ID.value)


def owners_of_meta_ids(values: Iterable[str]) -> dict[str, int]:
    """Contact ids by the user ids and parent ids among `values`."""
    rows = ContactIdentity.objects.filter(kind__in=META_IDS, value__in=sorted(set(values)))
    return dict(rows.values_list("value", "contact_id"))


def named_exactly(term: str) -> Q:
    """Whose LID or user id `term` is; nobody's for anything else. One query, by an index, at most."""
    meant = user_ids.read(term)
    lid = _LID.fullmatch(term.strip().lower())
    if meant is not None:
        return Q(pk__in=list(owners_of_meta_ids([meant.value]).values()))
    if lid is not None:
        rows = ContactIdentity.objects.filter(kind=IdentityKind.LID, value=lid["digits"])
        return Q(pk__in=list(rows.values_list("contact_id", flat=True)))
    return Q(pk__in=[])


def username_like(term: str) -> Q:
    """Whose username has `term` in it, with or without the "@"; nobody's where no username could have it.

    The empty ones are left out in so many words, because the index is only of the others.
    """
    part = _IN_A_USERNAME.fullmatch(term.strip())
    return Q(username__icontains=part["part"]) & ~Q(username="") if part else Q(pk__in=[])
