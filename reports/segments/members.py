"""Who is in a segment: how many, which, and as rows of contacts; always as of a moment that is said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from contacts.models import Contact
from labelcrm.core.bulk import execute, fetch, positional
from labelcrm.core.viewer import Viewer
from reports.segments.compiler import MembersQuery, compile_definition
from reports.segments.definition import SegmentDefinition

SAMPLE = 10
CHUNK = 10_000
# Ids of some hundred thousand people are put into order and told apart in memory, not on the disk.
ROOM = "SET LOCAL work_mem = '64MB'"
# Who is read from indexes in the order of ids is compared in that order: hashing the same people costs three times as
# much, and PostgreSQL, which expects to sort them, does not see it. A page of them is read from the same plan as all.
MERGED = """
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_hashagg = off; SET LOCAL cursor_tuple_fraction = 1
"""
AS_BEFORE = """
    SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_hashagg TO DEFAULT;
    SET LOCAL cursor_tuple_fraction TO DEFAULT
"""


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
        [(total,)] = self._fetch(self.query.counted())
        return int(total)

    def page(self, *, after: int = 0, limit: int) -> list[int]:
        """The ids of the next `limit` of them behind the id `after`, in the order of ids."""
        rest = "WHERE contact_id > %(after)s ORDER BY 1"
        if self.query.in_order:
            with self._streamed(rest, after=after) as cursor:
                return [pk for (pk,) in cursor.fetchmany(limit)]
        statement = self.query.listed(f"{rest} LIMIT %(limit)s")
        return [pk for (pk,) in self._fetch(statement, after=after, limit=limit)]

    def ids(self) -> Iterator[int]:
        """All their ids in order, read by a server-side cursor: a million take no memory."""
        with self._streamed("ORDER BY 1") as cursor:
            while rows := cursor.fetchmany(CHUNK):
                yield from (pk for (pk,) in rows)

    @contextmanager
    def _streamed(self, rest: str, **values: int) -> Iterator[Any]:
        """A server-side cursor over them."""
        statement = self.query.streamed(rest) if self.query.in_order else self.query.listed(rest)
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            with self._planned():
                cursor.execute(statement, {**self.query.parameters, **values})
            yield cursor

    def _fetch(self, statement: str, **values: int) -> list[tuple[Any, ...]]:
        with transaction.atomic(), self._planned():
            return fetch(statement, {**self.query.parameters, **values})

    @contextmanager
    def _planned(self) -> Iterator[None]:
        """Statements within are planned for who is meant; those of the same transaction behind as ever."""
        execute(f"{ROOM};{MERGED}" if self.query.in_order else ROOM, [])
        yield
        if self.query.in_order:
            execute(AS_BEFORE, [])

    def contacts(self) -> QuerySet[Any]:
        """The same people as a query of contacts, to be narrowed, ordered and paged by others."""
        statement, values = positional(self.query.listed(), self.query.parameters)
        # The words are the compiler's own; values stand apart.
        return Contact.objects.filter(pk__in=RawSQL(statement, values))  # noqa: S611
