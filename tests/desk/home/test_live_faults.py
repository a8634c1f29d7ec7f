"""What keeps open pages moving survives whatever happens to it, says so once, and never spins."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error as DatabaseTrouble
from django.db import connection

from contacts.selectors.viewing import viewer_of
from desk.home.live import Bell, Live, Shared, _connection_parameters, _Thread, live
from labelcrm.core.viewer import Viewer
from tests.desk.home.conftest import Company
from tests.desk.home.test_live import EVERYTHING, A, B, opened
from tests.freezing import stopped

pytestmark = pytest.mark.django_db(transaction=True)


class Broken:
    """Stands before a reading: fails as often as told, and says when it has."""

    def __init__(self, read: Callable[..., Any], error: Exception, times: int) -> None:
        self.read, self.error, self.left = read, error, times
        self.calls = 0
        self.done = threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        self.done.set()
        return self.read(*arguments)


@pytest.fixture
def company(transactional_db: None) -> Company:
    return Company()


@pytest.mark.parametrize(
    "error", [ValueError("odd"), KeyError("x"), RuntimeError("x"), RecursionError(), MemoryError()]
)
def test_the_feed_moves_again_after_any_error(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("desk.home.live.RETRY_SECONDS", 0.05)
    with opened(EVERYTHING) as (page,):
        broken = Broken(live.feed._read, error, times=2)
        monkeypatch.setattr(live.feed, "_read", broken)
        company.label(company.sales, "1", A)
        assert broken.done.wait(timeout=20)
        assert "0000-0001" in page.next("rows")[-1]["html"]


def test_a_reader_that_failed_tries_again_without_being_rung(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.home.live.RETRY_SECONDS", 0.05)
    with opened(EVERYTHING):
        broken = Broken(live.feed._read, ValueError("odd"), times=5)
        monkeypatch.setattr(live.feed, "_read", broken)
        live.wakes.ring()
        assert broken.done.wait(timeout=20), "a minute passes before the clock rings"


def test_one_sight_that_cannot_be_read_leaves_the_others_moving(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = viewer_of(company.lead).sight
    original = live.feed._read

    def read(sight: Viewer, before: Any) -> Any:
        if sight == sales:
            raise ValueError("odd")
        return original(sight, before)

    with opened(EVERYTHING) as (page,), live.stream(sales, user_id=99):
        monkeypatch.setattr(live.feed, "_read", read)
        company.label(company.support, "1", B)
        assert "0000-0002" in page.next("rows")[-1]["html"]


def test_a_row_of_failures_is_one_line_in_the_log(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("desk.home.live.RETRY_SECONDS", 0.02)
    with caplog.at_level(logging.INFO, "desk.home.live"), opened(EVERYTHING):
        broken = Broken(live.feed._read, ValueError("odd"), times=6)
        monkeypatch.setattr(live.feed, "_read", broken)
        live.wakes.ring()
        assert broken.done.wait(timeout=20)
        live.stop()
    said = Counter(record.levelname for record in caplog.records if record.message.startswith("live-feed"))
    assert said == {"WARNING": 1, "INFO": 1}


def test_a_reader_that_fails_does_not_spin_however_often_it_is_rung() -> None:
    bell, calls, enough = Bell(), [], threading.Event()

    def read(sight: Viewer, before: Any) -> Any:
        calls.append(sight)
        if len(calls) == 2:
            enough.set()
        raise ValueError("odd")

    own = Live()
    own.wakes = bell
    shared: Shared[Any] = Shared("spinning", read, rename=lambda _sight, value: value, live=own, pause=0.0, share=1)
    shared._wanted = {Viewer(everything=True)}
    shared.start()
    ringing = threading.Event()

    def ring() -> None:
        while not ringing.is_set():
            shared._wanted.add(Viewer(everything=True))
            bell.ring()
            ringing.wait(0.001)

    ringer = threading.Thread(target=ring)
    ringer.start()
    try:
        assert enough.wait(timeout=20)
        assert len(calls) <= 3, "RETRY_SECONDS lie between two tries"
    finally:
        ringing.set()
        ringer.join()
        own.stopping.set()
        bell.ring()
        shared.join()


def test_the_listener_survives_what_is_not_the_databases_fault(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.home.live.RETRY_SECONDS", 0.05)
    original = _connection_parameters
    broken = Broken(original, OSError("no more files"), times=3)
    monkeypatch.setattr("desk.home.live._connection_parameters", broken)
    with opened(EVERYTHING) as (page,):
        assert broken.calls >= 4
        company.label(company.sales, "1", A)
        assert "0000-0001" in page.next("rows")[-1]["html"]


def test_a_listener_whose_server_froze_says_so_and_listens_anew(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.home.live.ASK_SECONDS", 0.1)
    monkeypatch.setattr("desk.home.live.PATIENCE", 0.5)
    with opened(EVERYTHING) as (page,), stopped(_listeners_backend()):
        assert page.next("state") == {"live": False}
        page.wait_until_live()
        company.label(company.sales, "1", A)
        assert "0000-0001" in page.next("rows")[-1]["html"]


def _listeners_backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND (query LIKE 'LISTEN%%' OR query = 'SELECT 1') AND pid <> pg_backend_pid()"
            " ORDER BY query LIKE 'LISTEN%%' DESC, backend_start",
            [],
        )
        return int(cursor.fetchone()[0])


def test_a_thread_goes_on_after_its_step_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.home.live.RETRY_SECONDS", 0.01)
    stopping, tries = threading.Event(), []

    def step() -> None:
        tries.append(1)
        if len(tries) == 3:
            stopping.set()
        raise LookupError("odd")

    thread = _Thread("odd", step, stopping=stopping)
    thread.start()
    thread.join()
    assert len(tries) == 3


def test_a_page_does_not_wait_for_ever_for_another_that_reads_the_same(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.home.live.TURN_SECONDS", 0.05)
    sight = Viewer(everything=True)
    with live.tiles._turn(sight), pytest.raises(DatabaseTrouble):
        live.tiles.get(sight)
    assert live.tiles.get(sight).today.added == 0
