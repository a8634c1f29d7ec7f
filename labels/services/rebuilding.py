"""Intervals, the names and meanings on them, and projections, derived again from what was recorded."""

from __future__ import annotations

from collections.abc import Iterator

from contacts.services import connections
from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import fetch
from labelcrm.core.retries import run_in_transaction
from labels.services import folding, projections, wording
from labels.services.folding import Key

CHUNK = 2000

_CHANNEL_LABELS = "SELECT id, channel_id FROM labels_channellabel ORDER BY id"
_NEXT_KEYS = """
SELECT contact_id, channel_label_id FROM labels_labelevent WHERE (contact_id, channel_label_id) > (%s, %s)
 UNION SELECT contact_id, channel_label_id FROM labels_labelassignment WHERE (contact_id, channel_label_id) > (%s, %s)
 ORDER BY 1, 2 LIMIT %s
"""


def rebuild(*, write: bool) -> int:
    """Compare what is derived with what was recorded, and mend it when `write`; returns how much differed.

    Nothing should. Generations and names of WhatsApp labels and contacts are taken as they stand.

    Lanes may be at work meanwhile: what is mended is locked first, and so is what a first look finds to differ, which
    may be nothing but a drain that committed between two of our queries.
    """
    differences = sum(_compare_intervals(keys, write=write) for keys in _all_keys())
    for channel_label, channel_id in fetch(_CHANNEL_LABELS, []):
        differences += _compare_wording(channel_label, channel_id, write=write)
    return differences + projections.refresh_all(write=write).differences


def _compare_intervals(keys: set[Key], *, write: bool) -> int:
    if not write and not folding.differing(keys):
        return 0

    def compare() -> int:
        lock_contacts(contact for contact, _ in keys)
        return folding.refold(keys).changed if write else folding.differing(keys)

    return run_in_transaction(compare)


def _compare_wording(channel_label: int, channel_id: int, *, write: bool) -> int:
    if not write and not wording.mend_intervals([channel_label], write=False):
        return 0

    def compare() -> int:
        connections.hold(channel_id)
        return wording.mend_intervals([channel_label], write=write)

    return run_in_transaction(compare)


def _all_keys() -> Iterator[set[Key]]:
    """Every key that has events or intervals, in chunks, by keyset."""
    last: Key = (0, 0)
    while True:
        rows = fetch(_NEXT_KEYS, [*last, *last, CHUNK])
        if not rows:
            return
        last = rows[-1]
        yield {(contact, label) for contact, label in rows}
