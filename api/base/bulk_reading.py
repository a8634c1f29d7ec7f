"""How many people a user may read through the API in a day: in pages for work freely, in bulk with the export right.

Whoever reads thousands of contacts page by page takes them away, whatever it is called. So the people on every page
are counted, per user and business day, in one row that one statement per request brings up to date: exact however many
clients read at once. Who has no right to export reads up to LIMIT different people a day, each as often as they like:
a program that asks for the same chats every minute takes nothing away. With the right, pages are counted as they come
and each further thousand leaves an audit row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

from labelcrm.core import audit
from labelcrm.core.bulk import fetch
from labelcrm.core.models import PeopleServed

LIMIT = 1000  # different people a day and user
STEP = 1000  # so many more are one more audit row
EXPORT = "contacts.export_contact"


class BulkReadingRefused(PermissionDenied):
    """The user has read as many people today as they may without the export right."""

    default_code = "export_right_required"
    default_detail = _(
        "You have read %(read)d of the %(limit)d people that your role may read through the API in one day. This page "
        "holds more new ones than the rest and was not sent. Whom you have read, and up to %(left)d more, you can "
        "still read today, the pages in the browser work as before, and at midnight (%(zone)s) the count starts again. "
        "To read more, ask an owner for a role with the right “Can export contacts”."
    )

    def __init__(self, read: int) -> None:
        words = {"read": read, "limit": LIMIT, "left": max(0, LIMIT - read), "zone": settings.TIME_ZONE}
        super().__init__(str(self.default_detail) % words)


# No row comes back where the page would go beyond the limit. At most LIMIT ids of eight bytes are kept.
_COUNT_DIFFERENT = """
INSERT INTO core_peopleserved AS known (user_id, day, people, by_resource, seen)
SELECT %(user)s, %(day)s, 0, '{}', page.ids FROM (SELECT %(ids)s::bigint[] AS ids) AS page
 WHERE cardinality(page.ids) <= %(limit)s
ON CONFLICT (user_id, day) DO UPDATE
SET seen = ARRAY(SELECT unnest(known.seen) UNION SELECT unnest(excluded.seen))
WHERE cardinality(ARRAY(SELECT unnest(known.seen) UNION SELECT unnest(excluded.seen))) <= %(limit)s
RETURNING cardinality(seen)
"""
_COUNT = """
INSERT INTO core_peopleserved AS known (user_id, day, people, by_resource, seen)
VALUES (%(user)s, %(day)s, %(people)s, jsonb_build_object(%(resource)s::text, %(people)s::int), '{}')
ON CONFLICT (user_id, day) DO UPDATE
SET people = known.people + excluded.people,
    by_resource = known.by_resource || jsonb_build_object(
        %(resource)s::text, coalesce((known.by_resource ->> %(resource)s)::int, 0) + %(people)s::int)
RETURNING people, (by_resource ->> %(resource)s)::int
"""


def count_people(people: Iterable[int], *, user: Any, resource: str) -> None:
    """Count the contacts (ids) that a page of `resource` is about to show. Raises BulkReadingRefused."""
    ids = sorted(set(people))
    if not ids:
        return
    if user.has_perm(EXPORT):
        _count_with_the_right(len(ids), user=user, resource=resource)
    else:
        _count_up_to_the_limit(ids, user=user)


def _count_up_to_the_limit(ids: list[int], *, user: Any) -> None:
    day = timezone.localdate()
    if not fetch(_COUNT_DIFFERENT, {"user": user.pk, "day": day, "ids": ids, "limit": LIMIT}):
        known = PeopleServed.objects.filter(user_id=user.pk, day=day).values_list("seen", flat=True)
        raise BulkReadingRefused(len(known.first() or ()))


def _count_with_the_right(found: int, *, user: Any, resource: str) -> None:
    day = timezone.localdate()
    with transaction.atomic():
        [(total, of_resource)] = fetch(_COUNT, {"user": user.pk, "day": day, "people": found, "resource": resource})
        if _is_worth_a_row(total, of_resource, found):
            audit.record(actor=user, action="rows.read", resource=resource, people=of_resource, day=day.isoformat())


def _is_worth_a_row(total: int, of_resource: int, found: int) -> bool:
    """The page that goes beyond the limit, and every one with which a resource reaches another thousand after it."""
    if total <= LIMIT:
        return False
    return total - found <= LIMIT or of_resource // STEP > (of_resource - found) // STEP
