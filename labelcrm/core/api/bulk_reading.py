"""How many people a user may read through the API in a day: in pages for work freely, in bulk with the export right.

Whoever reads thousands of contacts page by page takes them away, whatever it is called. So the people on every page
are counted, per user and business day, in one row that grows by one statement per request: exact however many clients
read at once. Beyond LIMIT it takes the right to export, and each further thousand leaves an audit row.
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

LIMIT = 1000  # people a day and user; a page holds no more
STEP = 1000  # so many more are one more audit row
EXPORT = "contacts.export_contact"


class BulkReadingRefused(PermissionDenied):
    """The user has read as many people today as they may without the export right."""

    default_code = "export_right_required"
    default_detail = _(
        "You have read %(read)d of the %(limit)d people that your role may read through the API in one day. This page "
        "holds more than the rest and was not sent. A page of up to %(left)d still works today, the pages in the "
        "browser work as before, and at midnight (%(zone)s) the count starts again. To read more, ask an owner for a "
        "role with the right “Can export contacts”."
    )

    def __init__(self, read: int) -> None:
        words = {"read": read, "limit": LIMIT, "left": max(0, LIMIT - read), "zone": settings.TIME_ZONE}
        super().__init__(str(self.default_detail) % words)


# Who has no right is not counted beyond the limit: then no row comes back.
_COUNT = """
INSERT INTO core_peopleserved AS known (user_id, day, people, by_resource)
VALUES (%(user)s, %(day)s, %(people)s, jsonb_build_object(%(resource)s::text, %(people)s::int))
ON CONFLICT (user_id, day) DO UPDATE
SET people = known.people + excluded.people,
    by_resource = known.by_resource || jsonb_build_object(
        %(resource)s::text, coalesce((known.by_resource ->> %(resource)s)::int, 0) + %(people)s::int)
WHERE %(may_export)s OR known.people + excluded.people <= %(limit)s
RETURNING people, (by_resource ->> %(resource)s)::int
"""


def count_people(people: Iterable[int], *, user: Any, resource: str) -> None:
    """Count the contacts (ids) that a page of `resource` is about to show. Raises BulkReadingRefused."""
    found = len(set(people))
    if not found:
        return
    day = timezone.localdate()
    values = {"user": user.pk, "day": day, "people": found, "resource": resource, "limit": LIMIT}
    with transaction.atomic():
        counted = fetch(_COUNT, values | {"may_export": user.has_perm(EXPORT)})
        if counted:
            [(total, of_resource)] = counted
            if _is_worth_a_row(total, of_resource, found):
                audit.record(actor=user, action="rows.read", resource=resource, people=of_resource, day=day.isoformat())
            return
    known = PeopleServed.objects.filter(user_id=user.pk, day=day).values_list("people", flat=True)
    raise BulkReadingRefused(known.first() or 0)


def _is_worth_a_row(total: int, of_resource: int, found: int) -> bool:
    """The page that goes beyond the limit, and every one with which a resource reaches another thousand after it."""
    if total <= LIMIT:
        return False
    return total - found <= LIMIT or of_resource // STEP > (of_resource - found) // STEP
