"""Work in one transaction, tried again when PostgreSQL ended it to resolve a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, OperationalError, transaction

ATTEMPTS = 5  # after as many deadlocks in a row the caller gets the error
DEADLOCKS = ("40P01", "40001")
T = TypeVar("T")


def sqlstate(error: DatabaseError) -> str:
    """PostgreSQL's code of an error, "" where it did not say."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def all_or_nothing(work: Callable[[], T]) -> T:
    """The result of `work`, done in one transaction; repeated at once after a deadlock. Raises DatabaseError."""
    for _ in range(ATTEMPTS - 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if sqlstate(error) not in DEADLOCKS:
                raise
    with transaction.atomic():
        return work()
