"""Whom the rows of a file name, by the ids, numbers and other identifiers that stand in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from contacts.models import Contact
from contacts.services.importing import Owners, owners_of
from contacts.services.taking_back import archived_by_undo
from labelcrm.core.viewer import Viewer
from labelcrm.lib import phones
from labelcrm.lib.cells import restored
from labelcrm.lib.numbers import row_id
from labelcrm.lib.text import legible
from transfer import exports
from transfer.imports import readers
from transfer.imports.headings import OTHER_ID
from webhooks.gateways import user_ids


class FileContact(NamedTuple):
    """A contact of the file, the cells an export would write for it, whether the viewer sees it, and if it is archived
    whether it comes back by being imported."""

    id: int
    cells: Mapping[str, Any]
    visible: bool
    restorable: bool

    @property
    def is_opted_out(self) -> bool:
        return bool(self.cells["opted_out"] == exports.YES)


def contacts_of_file(ids: Collection[int], viewer: Viewer, *, columns: Collection[str]) -> dict[int, FileContact]:
    """The contacts of a file, with the cells that an export would write in these columns."""
    names = ("id", "phone", "opted_out", *exports.STATE, *(name for name in _READ if name in columns))
    lines = exports.scattered_rows_of(ids, viewer=viewer, columns=names)
    cells = {int(line[0]): dict(zip(names, line, strict=True)) for line in lines}
    visible = _visible(ids, viewer)
    restorable = archived_by_undo([pk for pk, of in cells.items() if of["is_archived"] and not of["is_merged"]])
    return {pk: FileContact(pk, of, pk in visible, pk in restorable) for pk, of in cells.items()}


_READ = ("name", "labels", "assigned_to", "campaign", "follow_up_at")  # columns that an export writes, too


def _visible(ids: Collection[int], viewer: Viewer) -> Collection[int]:
    if viewer.everything:
        return ids
    return set(Contact.all_objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", flat=True))


@dataclass(slots=True)
class RowIds:
    """Whom a row names: `phone` E.164, `lids` digits, `user_ids` Meta's, and what is wrong with them.

    `id` is ours, from our own export. `other_id` is of a file that may be anybody's: it is believed only where the
    phone's digits as they stand are the number of the contact with this id. `unknown` is a number that no plan lists.
    """

    id: int | None = None
    other_id: int | None = None
    phone: str = ""
    as_it_stands: str = ""
    unknown: bool = False
    lids: list[str] = field(default_factory=list)
    user_ids: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def same_number(self) -> str:
        """The phone in one of the forms that it may be written in, always the same one."""
        return min(phones.same_number(self.phone)) if self.phone else ""

    def keys(self, contact_id: int | None) -> list[str]:
        """What tells that two rows are about one contact: the id, or the number of who was not known yet.

        Who was made by a row before is known by now, and was remembered by the number.
        """
        known = [str(contact_id)] if contact_id else []
        return [*known, self.same_number] if self.phone and self.id is None else known

    def believe(self, owners: Owners) -> None:
        """Take the digits as they stand where the id confirms them, or where somebody has this odd number."""
        owner = owners.phones.get(self.as_it_stands)
        if owner is not None and (self.unknown or owner == self.other_id):
            self.phone = self.as_it_stands
            self.errors.pop("phone", None)


@dataclass(frozen=True, slots=True)
class Recognized:
    """Whom rows name, in their order: the ids in each, and the contact (id) it means; None is nobody known."""

    row_ids: list[RowIds]
    contacts: list[int | None]
    owners: Owners


def recognize(rows: Iterable[Mapping[str, str]], viewer: Viewer) -> Recognized:
    """Whom the rows of a file mean, with a handful of queries."""
    row_ids = [_identify(row) for row in rows]
    owners = owners_of(
        phones=(phone for each in row_ids for phone in (each.phone, each.as_it_stands) if phone),
        lids=(lid for each in row_ids for lid in each.lids),
        user_ids=(one for each in row_ids for one in each.user_ids),
    )
    by_id = _seen_by_id((each.id for each in row_ids if each.id), viewer)
    for each in row_ids:
        each.believe(owners)
    return Recognized(row_ids, [_owner(each, owners, by_id) for each in row_ids], owners)


def _identify(row: Mapping[str, str]) -> RowIds:
    named = RowIds(id=_id(row.get("id")), other_id=_id(row.get(OTHER_ID)))
    text = row.get("phone", "")
    if named.id is None and named.other_id is None and (mobile := readers.mobile(text)):
        named.phone = mobile
    elif not readers.is_empty(text):
        ours = phones.as_written_by_us(text) if named.id or named.other_id else None
        try:
            named.phone = ours if ours and named.id else readers.phone(text)
        except readers.NoNumber as error:
            named.errors["phone"], named.unknown = str(error), error.unknown
            ours = phones.as_written_by_us(text)
        named.as_it_stands = ours or ""
    for part in _ids_in(row.get("lids")):
        digits = phones.lid_digits(part)
        if digits is not None:
            named.lids.append(digits)
        elif not readers.is_empty(part):
            named.errors["lids"] = _("“%(text)s” is no LID.") % {"text": part[:60]}
    if ids := _ids_in(row.get("user_ids")):
        named.user_ids = [found.value for part in ids if (found := user_ids.read(part))]
    return named


def _ids_in(cell: str | None) -> Sequence[str]:
    return [part for part in re.split(r"[;,\s]+", legible(restored(cell))) if part] if cell else ()


def _id(cell: str | None) -> int | None:
    return row_id(legible(cell).removesuffix(".0")) if cell else None


def _seen_by_id(ids: Iterable[int], viewer: Viewer) -> dict[int, int]:
    """By id in the file the contact that has it now, for a merged one the survivor; as far as `viewer` sees."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = Contact.all_objects.filter(pk__in=wanted).values_list("pk", "merged_into_id")
    now = {pk: survivor or pk for pk, survivor in found}
    seen = _visible(set(now.values()), viewer)
    return {pk: survivor for pk, survivor in now.items() if survivor in seen}


def _owner(named: RowIds, owners: Owners, by_id: Mapping[int, int]) -> int | None:
    """Whom a row means: by the id of our own export where that is somebody here, else by phone, LID or Meta's id."""
    if named.id is not None and named.id in by_id:
        return by_id[named.id]
    if named.phone:
        return owners.phones.get(named.phone)
    by_lid = (owners.lids[lid] for lid in named.lids if lid in owners.lids)
    by_user_id = (owners.user_ids[one] for one in named.user_ids if one in owners.user_ids)
    return next(chain(by_lid, by_user_id), None)
