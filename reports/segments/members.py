"""Who is in a segment: how many, which, and as rows of contacts; always as of a moment that is said beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from contacts.models import Contact
from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from reports.segments.compiler import MembersQuery, compile_definition
from reports.segments.definition import SegmentDefinition

SAMPLE = 10
_NAMED = re.compile(r"%\((\w+)\)s")
CHUNK = 10_000


@dataclass(frozen=True)
class Members:
    """The contacts whom `definition` means, as `viewer` sees them at `now`."""

    definition: SegmentDefinition
    viewer: Viewer
    now: datetime

    @cached_property
    def query(self) -> MembersQuery:
        return compile_definition(self.definition, viewer=self.viewer, now=self.now)

    def count(self) -> int:
        """Exactly how many."""
        [(total,)] = fetch(self.query.statement("SELECT count(*) FROM {members} AS members"), self.query.parameters)
        return int(total)

    def page(self, *, after: int = 0, limit: int) -> list[int]:
        """The ids of the next `limit` of them behind the id `after`, in the order of ids."""
        body = "SELECT contact_id FROM {members} AS members WHERE contact_id > %(after)s ORDER BY 1 LIMIT %(limit)s"
        place = {"after": after, "limit": limit}
        return [pk for (pk,) in fetch(self.query.statement(body), {**self.query.parameters, **place})]

    def ids(self) -> Iterator[int]:
        """All their ids in order, read by a server-side cursor: a million take no memory."""
        body = self.query.statement("SELECT contact_id FROM {members} AS members ORDER BY 1")
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(body, self.query.parameters)
            while rows := cursor.fetchmany(CHUNK):
                yield from (pk for (pk,) in rows)

    def contacts(self) -> QuerySet[Any]:
        """The same people as a query of contacts, to be narrowed, ordered and paged by others."""
        statement = self.query.statement("SELECT contact_id FROM {members} AS members")
        values: list[Any] = []

        def positional(named: re.Match[str]) -> str:
            values.append(self.query.parameters[named[1]])
            return "%s"

        return Contact.objects.filter(pk__in=RawSQL(_NAMED.sub(positional, statement), values))  # noqa: S611 - made of the compiler's own words; values stand apart
