"""Two at once: looks that wait for each other, and files that share no conversion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from labelcrm.core import jobs as core_jobs
from labels.models import CleanSpell
from tests.factories import TeamFactory, UserFactory
from tests.transfer.conversions.ads import NOW, AdShop, at, ctwa, look
from tests.transfer.conversions.meta_server import fake_meta
from tests.transfer.conversions.test_meta_api import connect
from transfer.conversions import collecting, conversion_jobs, meta_outbox
from transfer.conversions.models import Conversion, ConversionDelivery, Target

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], Any]) -> list[BaseException]:
    failed: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return failed


@pytest.fixture
def shop(transactional_db: None) -> AdShop:
    with transaction.atomic():
        made = AdShop(team=TeamFactory())
        for n in range(6):
            made.labelled(made.comes(0, **ctwa(n)), "Grade A", 2)
    return made


def test_two_looks_at_once_find_each_conversion_once(shop: AdShop) -> None:
    assert at_once(look, look, lambda: look(changed_since=NOW - timedelta(days=90))) == []
    assert Conversion.objects.count() == 6


def test_two_files_at_once_share_no_conversion(shop: AdShop) -> None:
    look()
    lately = collecting.settled_before(_now())
    CleanSpell.objects.update(started_at=lately)
    Conversion.objects.update(occurred_at=lately)
    files = [conversion_jobs.make_file(Target.META, owner=UserFactory(role="marketing")) for _ in range(2)]
    assert at_once(*(lambda pk=file.job_id: core_jobs.run(pk, seconds=60) for file in files)) == []
    assert sorted(ConversionDelivery.objects.values_list("conversion_id", flat=True)) == list(
        Conversion.objects.order_by("pk").values_list("pk", flat=True)
    )


def test_a_look_waits_while_a_file_chooses_and_takes_nothing_from_it(shop: AdShop) -> None:
    """What is being chosen is not dropped under the file's hands."""
    look()
    file = conversion_jobs.make_file(Target.META, owner=UserFactory(role="marketing"))
    chosen, go = threading.Event(), threading.Event()

    def choose() -> None:
        with transaction.atomic():
            collecting.hold()
            chosen.set()
            assert go.wait(30)
            for conversion in Conversion.objects.all():
                ConversionDelivery.objects.create(conversion=conversion, target=Target.META, file=file, created_at=NOW)

    def look_without_labels() -> None:
        assert chosen.wait(30)
        threading.Timer(0.3, go.set).start()
        Conversion.objects.first()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM labels_cleanspell")
        assert look().dropped == 0

    assert at_once(choose, look_without_labels) == []
    assert Conversion.objects.count() == 6


def test_what_a_look_takes_back_meanwhile_is_not_sent(shop: AdShop) -> None:
    with fake_meta() as meta, time_machine.travel(at(0), tick=False):
        connect(meta)
    look()
    meta_outbox._queue(NOW)
    assert ConversionDelivery.objects.count() == 6, "all wait for Meta"
    looking, go, taken = threading.Event(), threading.Event(), []

    def look_without_labels() -> None:
        with transaction.atomic():
            collecting.hold()
            looking.set()
            assert go.wait(30)
            CleanSpell.objects.all().delete()
            look()

    def take() -> None:
        assert looking.wait(30)
        threading.Timer(0.3, go.set).start()
        taken.extend(meta_outbox._take(NOW))

    assert at_once(look_without_labels, take) == []
    assert (taken, Conversion.objects.count(), ConversionDelivery.objects.count()) == ([], 0, 0)


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()
