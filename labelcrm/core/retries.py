"""Transactions that are done again when PostgreSQL ended them because they waited for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, OperationalError, transaction

TRIES = 5  # after so many deadlocks in a row the caller gets the error
DEADLOCKS = ("40P01", "40001")  # deadlock_detected, serialization_failure
QUERY_CANCELED = "57014"  # by a time limit, most likely
T = TypeVar("T")


def sqlstate(error: DatabaseError) -> str:
    """PostgreSQL's code of an error, "" where it did not say."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def took_too_long(error: BaseException) -> bool:
    """Whether the server gave a statement up because it took longer than it may."""
    return isinstance(error, OperationalError) and sqlstate(error) == QUERY_CANCELED


def run_in_transaction(work: Callable[[], T]) -> T:
    """The result of `work`, done in one transaction; again at once after a deadlock. Raises DatabaseError."""
    for _ in range(TRIES - 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if sqlstate(error) not in DEADLOCKS:
                raise
    with transaction.atomic():
        return work()
