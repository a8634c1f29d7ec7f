"""Somebody who is being opted out by another connection, which has not committed yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from contacts.services.opt_out import LOCK
from tests.browser.serving import database_url


@contextmanager
def somebody_opts_out() -> Iterator[None]:
    """Within the block no file may be sealed (`contacts.services.opt_out.hold_files`)."""
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [LOCK])
        yield
