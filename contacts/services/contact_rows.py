"""Rows of contacts, many at a time: locked in one order, and marked as changed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from labelcrm.core.bulk import array


def lock_contacts(contact_ids: Iterable[int]) -> None:
    """Lock contacts in id order for the rest of the transaction: what lanes share, they change one by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM contacts_contact WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE",
            [array(sorted(set(contact_ids)))],
        )


def touch(contact_ids: Iterable[int]) -> None:
    """Something about these contacts changed: lists and `updated_since` show them as new."""
    with connection.cursor() as cursor:
        # Whoever was made or changed in this transaction says so already.
        cursor.execute(
            "UPDATE contacts_contact SET updated_at = now() WHERE id = ANY(%s::bigint[]) AND updated_at <> now()",
            [array(sorted(contact_ids))],
        )
