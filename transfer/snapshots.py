"""Who was in an export, read from its snapshot, and who may read it.

A contact that was merged into another one since is that one: a snapshot is never changed, it is read as of now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contacts.models import Contact
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from transfer.exports import ChosenPeople
from transfer.funnel import FunnelCounts
from transfer.models import Export, ExportedPerson, Reason


def people(export: Export, reason: Reason | None, *, after: int, limit: int) -> list[int]:
    """The ids, as they were, of the next people of an export behind the id `after`; None is everybody it meant."""
    rows = ExportedPerson.objects.filter(export=export, contact_id__gt=after).order_by("contact_id")
    chosen = rows.exclude(reason=Reason.GONE) if reason is None else rows.filter(reason=reason)
    return list(chosen.values_list("contact_id", flat=True)[:limit])


def next_in_file(export: Export, *, after: int, limit: int) -> tuple[ChosenPeople | None, int]:
    """The next people of an export's file behind the id `after`, None where there is nobody, and how many they are."""
    [(first, last, count)] = fetch(_NEXT, {"export": export.pk, "after": after, "limit": limit})
    return (in_file(export, first=first, last=last) if count else None), count


def in_file(export: Export, *, first: int, last: int) -> ChosenPeople:
    """Everybody who is in an export's file, as its snapshot has it by then, from one id to another."""
    return ChosenPeople(_IN_FILE, first, last, {"export": export.pk})


_NEXT = """
    SELECT min(id), max(id), count(*) FROM (
        SELECT contact_id AS id FROM transfer_exportedperson
        WHERE export_id = %(export)s AND reason = 0 AND contact_id > %(after)s ORDER BY contact_id LIMIT %(limit)s
    ) AS these
"""
_IN_FILE = """(
        SELECT contact_id AS id FROM transfer_exportedperson
        WHERE export_id = %(export)s AND reason = 0 AND contact_id BETWEEN %(first)s AND %(last)s
    ) AS chosen"""


def counts(export: Export) -> FunnelCounts:
    """What its rows say."""
    statement = "SELECT reason, count(*) FROM transfer_exportedperson WHERE export_id = %s GROUP BY reason"
    return FunnelCounts.of(dict(fetch(statement, [export.pk])))


def shown(ids: Sequence[int], *, viewer: Viewer) -> list[Any]:
    """The contacts of these ids as the viewer sees them now, in their order; whom nobody sees any more is left out.

    Two that became one are listed once.
    """
    heirs = dict(Contact.all_objects.filter(pk__in=ids).values_list("pk", "merged_into"))
    wanted = list(dict.fromkeys(heirs.get(pk) or pk for pk in ids))
    found = Contact.all_objects.visible_to(viewer).in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


# -- Two exports ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SnapshotDifference:
    """Who was in the file of `export` and not in that of `earlier`, and the other way round."""

    earlier: Export
    export: Export

    def counts(self) -> tuple[int, int]:
        """How many were added, and how many are gone."""
        [(added,)] = fetch(f"SELECT count(*) FROM ({_NOT_IN}) AS d", self._values(added=True))  # noqa: S608
        [(gone,)] = fetch(f"SELECT count(*) FROM ({_NOT_IN}) AS d", self._values(added=False))  # noqa: S608
        return added, gone

    def people(self, *, added: bool, after: int, limit: int) -> list[int]:
        """The ids, as of now, of the next people who were added, or are gone, behind the id `after`."""
        statement = f"SELECT id FROM ({_NOT_IN}) AS d WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"  # noqa: S608
        return [pk for (pk,) in fetch(statement, {**self._values(added=added), "after": after, "limit": limit})]

    def _values(self, *, added: bool) -> dict[str, Any]:
        one, other = (self.export.pk, self.earlier.pk) if added else (self.earlier.pk, self.export.pk)
        return {"one": one, "other": other}


_FILE = """
    SELECT coalesce(c.merged_into_id, p.contact_id) AS id
    FROM transfer_exportedperson p LEFT JOIN contacts_contact c ON c.id = p.contact_id
    WHERE p.export_id = %({})s AND p.reason = 0
"""
_NOT_IN = f"{_FILE.format('one')} EXCEPT {_FILE.format('other')}"


# -- One person -------------------------------------------------------------------------------------------------------


def exports_of(contact: Contact, *, limit: int) -> list[Export]:
    """The latest done exports in whose file the contact was, or whoever was merged into it, the latest first."""
    # By the key of the snapshot: one look per export and id, whatever the exports hold.
    found = fetch(_OF_CONTACT, {"contact": contact.pk, "limit": limit})
    rows = Export.objects.select_related("owner").in_bulk([pk for (pk,) in found]) if found else {}
    return [rows[pk] for (pk,) in found]


_OF_CONTACT = """
    SELECT e.id FROM transfer_export e
    WHERE e.finished_at IS NOT NULL AND EXISTS (
        SELECT FROM (
            SELECT id FROM contacts_contact WHERE id = %(contact)s OR merged_into_id = %(contact)s OFFSET 0
        ) AS c
        CROSS JOIN LATERAL (
            SELECT FROM transfer_exportedperson p WHERE p.export_id = e.id AND p.contact_id = c.id AND p.reason = 0
            OFFSET 0
        ) AS found
    )
    ORDER BY e.id DESC LIMIT %(limit)s
"""
