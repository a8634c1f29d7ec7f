"""Everything derived, derived again from what was recorded: it must find nothing."""

from __future__ import annotations

from collections.abc import Iterator

from contacts.services import connections
from contacts.services.contact_rows import lock_contacts
from labelcrm.core.bulk import fetch
from labelcrm.core.retries import all_or_nothing
from labels.services import folding, projections, rewording
from labels.services.folding import Key

CHUNK = 2000


def rebuild(*, write: bool) -> int:
    """Compare everything derived with what was recorded, and mend it when `write`; returns how much differed.

    Lanes may be at work meanwhile: what is mended is locked first, and so is what a first look finds to differ, which
    may be nothing but a drain that committed between two of our queries.
    """
    differences = sum(_compare_intervals(keys, write=write) for keys in _all_keys())
    for channel_label, channel_id in fetch("SELECT id, channel_id FROM labels_channellabel ORDER BY id", []):
        differences += _compare_wording(channel_label, channel_id, write=write)
    return differences + projections.refresh_all(write=write).differences


def _compare_intervals(keys: set[Key], *, write: bool) -> int:
    if not write and not folding.differing(keys):
        return 0

    def compare() -> int:
        lock_contacts(contact for contact, _ in keys)
        return folding.refold(keys).changed if write else folding.differing(keys)

    return all_or_nothing(compare)


def _compare_wording(channel_label: int, channel_id: int, *, write: bool) -> int:
    if not write and not rewording.mend_wording([channel_label], write=False):
        return 0

    def compare() -> int:
        connections.hold(channel_id)
        return rewording.mend_wording([channel_label], write=write)

    return all_or_nothing(compare)


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
