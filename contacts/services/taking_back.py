"""An import of contacts is taken back: what it changed and nobody changed since is as it was before.

Labels are taken off by whoever calls this, before: a contact with labels of others is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from contacts.models import (
    Agent,
    CampaignTouch,
    Consent,
    Contact,
    ContactChannel,
    ContactMerge,
    Message,
    Note,
)
from contacts.services.attribution import MANUAL, forget_lost_campaigns, set_first_touch
from contacts.services.contacts import ContactEdit, edit_contacts
from contacts.services.import_rows import ORIGIN
from labelcrm.core import audit
from labelcrm.core.bulk import execute, transpose
from labelcrm.core.models import AuditEntry

_TIMES = frozenset({"name_at", "follow_up_at", "opted_out_at"})
UNDO = "import_undone"  # the origin of what is written then
# Why something was not taken back.
GONE, MERGED, CHANGED, MESSAGES, NOTES, KNOWN, LABELS = (
    "gone", "merged", "changed", "messages", "notes", "known", "labels",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an import did to one contact: `columns` are [before, after] by name, `note` the id of a note it wrote."""

    contact_id: int
    created: bool
    columns: Mapping[str, list[Any]]
    note: int | None = None


@dataclass(slots=True)
class TakenBack:
    """Contacts that nothing else is known of, who can be archived; and why others were not wholly taken back."""

    archivable: list[Contact] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)


def take_back(
    changes: Collection[Change], *, contacts: Mapping[int, Contact], labelled: Collection[int], actor: Any
) -> TakenBack:
    """Give these contacts (by id, held and as they are now) back what they had; queries do not grow with them.

    `labelled` are those who have labels, after those of the import came off.
    """
    done = TakenBack()
    living = [change for change in changes if _is_there(change, contacts, done)]
    _forget_notes([change.note for change in living if change.note])
    ids = [change.contact_id for change in living if change.created]
    busy = dict.fromkeys(labelled, LABELS) | _known_otherwise(ids)
    restored = [change for change in living if not change.created]
    for change in (change for change in living if change.created):
        contact = contacts[change.contact_id]
        reason = busy.get(contact.pk) or (CHANGED if _changed_since(contact, change.columns) else "")
        if reason:
            done.kept[contact.pk] = reason
        else:
            done.archivable.append(contact)
    _restore(restored, contacts, done, actor=actor)
    return done


def archived_by_undo(archived: Collection[int]) -> set[int]:
    """Which of these archived contacts are there because an import was taken back: a file may bring them again."""
    if not archived:
        return set()
    told = AuditEntry.objects.filter(object_type=Contact._meta.label_lower, object_id__in=archived)
    last = told.filter(action__in=("contact.archived", "contact.restored")).order_by("object_id", "-id")
    return {row.object_id or 0 for row in last.distinct("object_id") if row.details.get("origin") == UNDO}


def _is_there(change: Change, contacts: Mapping[int, Contact], done: TakenBack) -> bool:
    contact = contacts.get(change.contact_id)
    if contact is None or contact.merged_into_id is not None:
        done.kept[change.contact_id] = GONE if contact is None else MERGED
        return False
    return True


def _forget_notes(ids: Collection[int]) -> None:
    Note.objects.filter(pk__in=ids).delete()


def _known_otherwise(ids: Collection[int]) -> dict[int, str]:
    """Of contacts that an import made, why more is known of them than it said."""
    found: dict[int, str] = {}
    asked = (
        (MESSAGES, Message.objects.filter(contact__in=ids), "contact_id"),
        (NOTES, Note.objects.filter(contact__in=ids), "contact_id"),
        (KNOWN, ContactChannel.objects.filter(contact__in=ids), "contact_id"),
        (KNOWN, CampaignTouch.objects.filter(contact__in=ids).exclude(method=MANUAL), "contact_id"),
        (MERGED, ContactMerge.objects.filter(survivor__in=ids, undone_at__isnull=True), "survivor_id"),
    )
    for reason, rows, column in asked:
        for pk in rows.order_by().values_list(column, flat=True).distinct():
            found.setdefault(pk, reason)
    return found


def _changed_since(contact: Contact, columns: Mapping[str, list[Any]]) -> set[str]:
    """The columns that are not what the import made of them; WhatsApp's own name for somebody is no change."""
    return {name for name, (_before, after) in columns.items() if getattr(contact, name) != _value(name, after)}


def _restore(changes: Collection[Change], contacts: Mapping[int, Contact], done: TakenBack, *, actor: Any) -> None:
    said_since = _opted_out_since([change.contact_id for change in changes if "opted_out_at" in change.columns])
    agents = Agent.all_objects.in_bulk(_former_agents(changes))
    edits: list[ContactEdit] = []
    names: list[tuple[int, str, datetime | None]] = []
    campaigns: dict[int, list[Any]] = {}
    for change in changes:
        contact = contacts[change.contact_id]
        changed = _changed_since(contact, change.columns)
        changed |= {"opted_out_at"} if contact.pk in said_since else set()
        if changed:
            done.kept[contact.pk] = CHANGED
        before = {name: values[0] for name, values in change.columns.items() if name not in changed}
        if "campaign_id" in before:
            campaigns[contact.pk] = change.columns["campaign_id"]
        if "name" in before:
            names.append(_name(contact, before))
        edits.append(_edit(contact, before, agents))
    edit_contacts(edits, actor=actor, origin=UNDO)
    _restore_names(names)
    _restore_campaigns(campaigns, contacts, actor=actor)


def _former_agents(changes: Collection[Change]) -> set[int]:
    former = (change.columns.get("assigned_to_id", [None])[0] for change in changes)
    return {pk for pk in former if pk is not None}


def _edit(contact: Contact, before: Mapping[str, Any], agents: Mapping[int, Agent]) -> ContactEdit:
    values: dict[str, Any] = {}
    if "name" in before:
        values["name"] = before["name"]
    if "assigned_to_id" in before:
        values["assigned_to"] = agents.get(before["assigned_to_id"] or 0)
    if "follow_up_at" in before:
        values["follow_up_at"] = _moment(before["follow_up_at"])
    return ContactEdit(contact, values, False if "opted_out_at" in before else None)


def _value(column: str, told: Any) -> Any:
    """A value of a column, which JSON holds as text where it is a time."""
    return _moment(told) if column in _TIMES else told


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _name(contact: Contact, before: Mapping[str, Any]) -> tuple[int, str, datetime | None]:
    """Whose name it was, and since when, where the import changed that too."""
    source = before.get("name_source", contact.name_source)
    return contact.pk, source, _moment(before["name_at"]) if "name_at" in before else contact.name_at


def _restore_names(names: Sequence[tuple[int, str, datetime | None]]) -> None:
    """Names that came from WhatsApp follow it again."""
    execute(
        "UPDATE contacts_contact AS c SET name_source = n.source, name_at = n.at"
        " FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS n (id, source, at) WHERE c.id = n.id",
        transpose(names, 3),
    )


def _opted_out_since(ids: Collection[int]) -> set[int]:
    """Who of these was said to have opted out another time than by the import: that stands."""
    if not ids:
        return set()
    outs = Consent.objects.filter(contact__in=ids, given=False).order_by("contact", "-at", "-id")
    last = outs.distinct("contact").values_list("contact_id", "source")
    return {pk for pk, source in last if source != ORIGIN}


def _restore_campaigns(campaigns: Mapping[int, list[Any]], contacts: Mapping[int, Contact], *, actor: Any) -> None:
    """Take away what the import said by hand; what messages show, or was said before, counts again."""
    touches = CampaignTouch.objects.filter(contact__in=list(campaigns), method=MANUAL)
    touches.delete()
    set_first_touch(list(campaigns))
    forget_lost_campaigns(list(campaigns))
    now = dict(Contact.all_objects.filter(pk__in=list(campaigns)).values_list("pk", "campaign_id"))
    by_hand = [pk for pk, (before, _after) in campaigns.items() if before is not None and now[pk] != before]
    CampaignTouch.objects.bulk_create(
        CampaignTouch(contact_id=pk, campaign_id=campaigns[pk][0], at=timezone.now(), method=MANUAL) for pk in by_hand
    )
    set_first_touch(by_hand)
    audit.record_all(
        audit.entry(
            actor=actor, action="contact.campaign", obj=contacts[pk], origin=UNDO, campaign=before, before=after
        )
        for pk, (before, after) in campaigns.items()
    )
