"""Opting out of broadcasts and in again, whoever says it: a colleague, a file, the API, or the contact in a message.

A contact is opted out since the first opt-out that was said after the last opt-in. What counts is when it was said
and not when it was heard, so posts may come late, twice or in the wrong order: a STOP from before somebody let the
contact in again changes nothing. Messages only ever opt out; in again is a person's decision.

What was said before the number was connected counts like everything else. Who asked not to be written to has not
taken that back because the number moved to labelcrm, and leaving out one too many costs less than writing to one who
said no.

A file of contacts is sealed while nobody is being opted out: every transaction that opts somebody out calls
`hold_files` before it commits, and whoever seals a file asks `hold_opt_outs`. So a file either leaves somebody out or
was done before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from contacts.models import Consent, ConsentSource, Contact, Message
from contacts.services.messages import NewMessage
from contacts.services.opt_out_notices import tell_owners
from labelcrm.core import audit
from labelcrm.core.bulk import fetch
from labelcrm.lib.text import said

LONGEST = 200  # characters of a message that may be nothing but one of the words, however it is dressed

_SOURCES = {"admin": ConsentSource.PERSON}  # by the origin of an edit; others have its name


def consent(contact: Contact, *, opted_out: bool, at: datetime, actor: Any, origin: str, reason: str = "") -> Consent:
    """The row that says that somebody opted a contact out, or in again; the caller saves both."""
    return Consent(
        contact=contact, given=not opted_out, at=at, source=_SOURCES.get(origin, origin), reason=reason,
        recorded_by=actor,
    )  # fmt: skip


# -- Beside files that leave the house --------------------------------------------------------------------------------

LOCK = "opt-out"


def hold_files() -> None:
    """No file of contacts is sealed until the caller's transaction has ended; one that is being sealed is waited for.

    Called in a transaction that opts somebody out, at any time before its end.
    """
    fetch("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [LOCK])


def hold_opt_outs() -> bool:
    """Nobody is opted out until the caller's transaction has ended; False when somebody is being opted out right now.

    It never waits: whoever stood in line here would make every opt-out behind it wait for the one before.
    """
    [(held,)] = fetch("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
    return bool(held)


# -- What contacts write ----------------------------------------------------------------------------------------------


def opt_out_by_words(told: Iterable[tuple[NewMessage, int]]) -> None:
    """Opt out whose messages (with their ids) say one of the words and nothing else, with consent and audit row.

    The caller holds the contacts locked. Whole messages only: "stop" is one, "jangan stop dulu ya" is not. A new word
    speaks for messages that come from then on.
    """
    short = [(pk, m.text) for m, pk in told if not m.from_me and m.text and len(m.text) <= LONGEST]
    if not short:
        return
    words = {key for (key,) in fetch(_WORDS, [])}
    hits = [pk for pk, text in short if said(text) in words]
    if hits:
        _note(hits, words)


def _note(message_ids: Collection[int], words: Collection[str]) -> None:
    """One consent per message, dated as the message is. What is stored counts: a text that came too late does not."""
    messages = [m for m in Message.objects.filter(pk__in=message_ids).order_by("at", "id") if said(m.text) in words]
    Consent.objects.bulk_create(
        [
            Consent(contact_id=m.contact_id, given=False, at=m.at, source=ConsentSource.MESSAGE, message=m)
            for m in messages
        ],
        update_conflicts=True, unique_fields=["message"], update_fields=["at"],
    )  # fmt: skip
    settle({m.contact_id for m in messages})


def settle(contact_ids: Collection[int]) -> None:
    """Opt out whoever said so after they were last let in, each with its audit row, and tell whose chats they are.

    Opts nobody in. The caller holds the contacts locked.
    """
    settled = fetch(_SETTLE, [list(contact_ids)])
    if settled:
        hold_files()
        tell_owners([pk for pk, *_rest in settled], actor=None)
    audit.record_all(
        audit.entry(
            actor=None, action="contact.opted_out", obj=Contact(pk=pk), origin=ConsentSource.MESSAGE.value,
            changes={"opted_out_at": [before.isoformat() if before else None, since.isoformat()]}, message=message,
        )
        for pk, before, since, message in settled
    )  # fmt: skip


def reconsider(contact_id: int, *, was: datetime | None) -> None:
    """Opted out or not by this contact's consents alone: others turned out to be somebody else's.

    `was` stands where no consent says anything. The caller holds the contact locked.
    """
    since = [at for _, at, _ in fetch(_SINCE, [[contact_id]])]
    if not since and not Consent.objects.filter(contact_id=contact_id, given=True).exists():
        since = [was]
    if since and since[0]:
        hold_files()
    Contact.all_objects.filter(pk=contact_id).update(opted_out_at=since[0] if since else None, updated_at=Now())


_WORDS = "SELECT key FROM contacts_optoutword WHERE deleted_at IS NULL"
# Of each contact the first opt-out after the last opt-in, and the message that said it.
_SINCE = """
    SELECT DISTINCT ON (o.contact_id) o.contact_id, o.at, o.message_id
    FROM contacts_consent o
    WHERE o.contact_id = ANY(%s::bigint[]) AND NOT o.given AND NOT EXISTS (
        SELECT FROM contacts_consent i WHERE i.contact_id = o.contact_id AND i.given AND (i.at, i.id) > (o.at, o.id)
    )
    ORDER BY o.contact_id, o.at, o.id
"""
_SETTLE = f"""
    UPDATE contacts_contact AS c SET opted_out_at = since.at, updated_at = now()
    FROM ({_SINCE}) AS since JOIN contacts_contact AS before ON before.id = since.contact_id
    WHERE c.id = since.contact_id AND (c.opted_out_at IS NULL OR c.opted_out_at > since.at)
    RETURNING c.id, before.opted_out_at, since.at, since.message_id
"""  # noqa: S608 - the words above
