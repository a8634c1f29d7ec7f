"""What the codes say that stand as reasons on rows of the inbox (`webhooks.models`), in the reader's language."""

from __future__ import annotations

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webhooks.models import APPLIED_BEFORE, KNOWN, OTHER_SESSION, session_named

SENTENCES: dict[str, Promise] = {
    KNOWN: _("known already"),
    APPLIED_BEFORE: _("applied before"),
}
NAMES_ANOTHER_SESSION = _("names the session “%(named)s”, this channel's is “%(session)s”")


def sentence(reason: str, *, session: str) -> str:
    """What the reason of a row says; `session` is its channel's own. Every other reason is shown as it is."""
    named = session_named(reason)
    if named is not None:
        return str(NAMES_ANOTHER_SESSION) % {"named": named, "session": session}
    return str(SENTENCES.get(reason, reason))


def saying(words: str) -> Q:
    """The rows with a code whose sentence has these words in it: who looks for what is read finds it."""
    wanted = words.casefold()
    found = Q(reason__in=[code for code, text in SENTENCES.items() if wanted in str(text).casefold()])
    if wanted in str(NAMES_ANOTHER_SESSION).casefold():
        found |= Q(reason__startswith=OTHER_SESSION)
    return found
