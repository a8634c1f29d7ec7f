"""The history looked through again: which touches the messages that were kept show by the rules of now.

A job that only counts, for who is about to save a rule, and one that writes go over the contacts in the order of their
ids, a thousand in a step. Both carry the rules with them as they were when the job was asked for, so that every
contact is judged by the same ones, whatever is saved meanwhile. Of a thousand contacts those whose touches differ are
locked, judged again and written: the drain waits for nobody else. A second time nothing differs.

What a person or a file said stays, and so does a touch whose message is not kept any more. The result is what would
stand there if the rules had been there from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from contacts.models import CampaignTouch, Contact, Message
from contacts.selectors.recognizing import MANUAL, Recognizer, Rule, RuleMatch
from contacts.services.attribution import (
    DERIVED,
    is_first,
    set_first_touch,
    telling_messages,
    touch_values,
    write_touches,
)
from contacts.services.contact_rows import lock_contacts
from labelcrm.core import audit
from labelcrm.core.bulk import execute
from labelcrm.core.jobs import Step
from labelcrm.core.models import Job

CHUNK = 1000  # contacts of a step
EXAMPLES = 3  # contacts that are kept of each kind of move

Move = tuple[int | None, int | None]  # from one campaign to another; None: no campaign


@dataclass(slots=True)
class Differences:
    """What a look at some contacts finds: what their messages show and is not recorded so, and what nothing shows."""

    shown: list[tuple[Message, RuleMatch]] = field(default_factory=list)
    gone: list[CampaignTouch] = field(default_factory=list)
    touches: int = 0  # that come, go, or say another campaign or way
    contacts: set[int] = field(default_factory=set)
    moves: dict[int, Move] = field(default_factory=dict)  # by contact, where its campaign changes


def as_parameters(rules: Iterable[Rule], defaults: Mapping[int, int]) -> dict[str, Any]:
    """Rules as a job carries them."""
    return {"rules": [rule.as_json() for rule in rules], "defaults": sorted(map(list, defaults.items()))}


def count_step(job: Job) -> Step:
    """Count what the rules of a job would change; nothing is written."""
    contact_ids = _next(job)
    found = differences(contact_ids, _recognizer(job))
    return _step(job, contact_ids, found)


def replay_step(job: Job) -> Step:
    """Write what the rules of a job change of the next contacts."""
    contact_ids = _next(job)
    found = replay(contact_ids, _recognizer(job))
    step = _step(job, contact_ids, found)
    if step.result is not None:
        numbers = {"contacts": step.result["contacts"], "touches": step.result["touches"]}
        moves = [move[:3] for move in step.result["moves"]]
        audit.record(actor=job.owner, action="campaigns.replayed", job=job.pk, moves=moves, **numbers)
    return step


def replay(contact_ids: Collection[int], recognizer: Recognizer) -> Differences:
    """Bring the touches and campaigns of these contacts in step with the rules, and return what that changed."""
    with transaction.atomic():
        found = differences(contact_ids, recognizer)
        if not found.contacts:
            return found
        lock_contacts(found.contacts)
        found = differences(found.contacts, recognizer)
        _write(found)
    return found


def differences(contact_ids: Collection[int], recognizer: Recognizer) -> Differences:
    """Where what is recorded of these contacts is not what their messages show. Four queries at most."""
    found = Differences()
    shown = {message.pk: (message, match) for message, match in _shown(contact_ids, recognizer)}
    touches = list(CampaignTouch.objects.filter(contact__in=contact_ids).order_by("contact_id", "at", "id"))
    recorded = {touch.message_id: touch for touch in touches if touch.message_id and touch.method != MANUAL}
    for pk, (message, match) in shown.items():
        touch = recorded.get(pk)
        values = touch_values(message, match)
        if touch is None or any(getattr(touch, name) != values[name] for name in DERIVED):
            found.shown.append((message, match))
            found.touches += touch is None or _is_another(touch, match)
    found.gone = [touch for message, touch in recorded.items() if message not in shown]
    found.touches += len(found.gone)
    found.contacts = {message.contact_id for message, _ in found.shown} | {touch.contact_id for touch in found.gone}
    found.moves = _moves(found, touches)
    return found


def _is_another(touch: CampaignTouch, match: RuleMatch) -> bool:
    """Whether a touch says something else, and not the same with other evidence."""
    return (touch.campaign_id, touch.method) != (match.campaign_id, match.method)


def _shown(contact_ids: Collection[int], recognizer: Recognizer) -> Iterator[tuple[Message, RuleMatch]]:
    for message in telling_messages().filter(contact__in=contact_ids).order_by("contact_id", "at", "id"):
        match = recognizer.match(message, is_first=is_first(message))
        if match is not None:
            yield message, match


def _moves(found: Differences, touches: Sequence[CampaignTouch]) -> dict[int, Move]:
    """Of the contacts whose touches change those whose campaign does, too: from which to which."""
    kept, lost = _touches_after(found, touches)
    moves = {}
    for pk, campaign in Contact.all_objects.filter(pk__in=found.contacts).values_list("pk", "campaign_id"):
        first = min(kept.get(pk, ()), default=None)
        after = first[-1] if first else None if campaign in lost.get(pk, ()) else campaign
        if after != campaign:
            moves[pk] = (campaign, after)
    return moves


def _touches_after(
    found: Differences, touches: Sequence[CampaignTouch]
) -> tuple[dict[int, list[tuple[Any, ...]]], dict[int, set[int | None]]]:
    """By contact: the touches it will have, each sorting by what comes first; and the campaigns of those that go."""
    changed = {message.pk: (message, match) for message, match in found.shown}
    gone = {touch.pk for touch in found.gone}
    kept: dict[int, list[tuple[Any, ...]]] = {}
    lost: dict[int, set[int | None]] = {}
    for touch in touches:
        if touch.pk in gone:
            lost.setdefault(touch.contact_id, set()).add(touch.campaign_id)
            continue
        _message, match = changed.pop(touch.message_id or 0, (None, None))
        campaign = match.campaign_id if match else touch.campaign_id
        sorts = (touch.method != MANUAL, touch.at, 0, touch.pk)
        kept.setdefault(touch.contact_id, []).append((*sorts, campaign))
    for message, match in changed.values():  # new ones get higher ids than all that are there, in this order
        kept.setdefault(message.contact_id, []).append((True, message.at, 1, message.pk, match.campaign_id))
    return kept, lost


def _write(found: Differences) -> None:
    ids = [touch.pk for touch in found.gone]
    CampaignTouch.objects.filter(pk__in=ids).delete()
    write_touches(found.shown)
    set_first_touch(found.contacts)
    without = [contact for contact, (_campaign, after) in found.moves.items() if after is None]
    execute(
        "UPDATE contacts_contact SET campaign_id = NULL, updated_at = now()"
        " WHERE id = ANY(%s) AND campaign_id IS NOT NULL",
        [without],
    )


# -- Steps ------------------------------------------------------------------------------------------------------------


def _recognizer(job: Job) -> Recognizer:
    rules = map(Rule.from_json, job.parameters["rules"])
    return Recognizer(rules, dict(job.parameters["defaults"]))


def _with_messages() -> Any:
    """Contacts that ever wrote, archived ones too: restoring one must bring back what is true."""
    return Contact.all_objects.filter(first_inbound_at__isnull=False)


def _next(job: Job) -> list[int]:
    rows = _with_messages().filter(pk__gt=job.cursor.get("after", 0)).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:CHUNK])


def _step(job: Job, contact_ids: Sequence[int], found: Differences) -> Step:
    """Add what was found to what the job counted before; the last step has the result."""
    moves = {(was, becomes): [n, examples] for was, becomes, n, examples in job.cursor.get("moves", [])}
    for move, n in Counter(found.moves.values()).items():
        known = moves.setdefault(move, [0, []])
        known[0] += n
        own = (contact for contact, each in sorted(found.moves.items()) if each == move)
        known[1] = [*known[1], *own][:EXAMPLES]
    listed = [[was, becomes, n, examples] for (was, becomes), (n, examples) in moves.items()]
    listed.sort(key=lambda move: (-move[2], move[0] or 0, move[1] or 0))
    counts = {"moves": listed, "touches": job.cursor.get("touches", 0) + found.touches}
    progress = job.progress + len(contact_ids)
    total = job.total if job.total is not None else _with_messages().count()
    if len(contact_ids) < CHUNK:
        result = counts | {"contacts": sum(move[2] for move in listed), "seen": progress}
        return Step(cursor=job.cursor, progress=progress, total=progress, result=result)
    return Step(cursor=counts | {"after": contact_ids[-1]}, progress=progress, total=total)
