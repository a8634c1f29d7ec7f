"""Everything derived, derived again from what was recorded: it must find nothing."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from labelcrm.core.bulk import fetch
from labels import projecting

from . import folding, rewording
from .folding import Key

CHUNK = 2000


def rebuild(*, write: bool) -> int:
    """Compare everything derived with what was recorded, and mend it when `write`; returns how much differed."""
    differences = 0
    for keys in _all_keys():
        with transaction.atomic():
            differences += folding.refold(keys).changed if write else folding.differing(keys)
    for (channel_label,) in fetch("SELECT id FROM labels_channellabel ORDER BY id", []):
        with transaction.atomic():
            differences += rewording.mend_wording([channel_label], write=write)
    return differences + projecting.refresh_all(write=write).differences


def _all_keys() -> Iterator[set[Key]]:
    """Every key that has events or intervals, in chunks, by keyset."""
    last: Key = (0, 0)
    while True:
        rows = fetch(
            "SELECT contact_id, channel_label_id FROM labels_labelevent WHERE (contact_id, channel_label_id) > (%s, %s)"
            " UNION SELECT contact_id, channel_label_id FROM labels_labelassignment"
            " WHERE (contact_id, channel_label_id) > (%s, %s) ORDER BY 1, 2 LIMIT %s",
            [*last, *last, CHUNK],
        )
        if not rows:
            return
        last = rows[-1]
        yield {(contact, label) for contact, label in rows}
