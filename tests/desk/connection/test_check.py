"""The live check names what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.desk.connection.conftest import Number
from tests.webhooks.gateways.payloads.base import GROUP, Post
from webhooks.gateways import GATEWAYS
from webhooks.models import UnknownChannel

pytestmark = pytest.mark.django_db

BUDI = "6281200000009"


def now() -> datetime:
    return datetime.now(UTC)


def codes(number: Number) -> list[str]:
    return [finding.code for finding in number.check().findings]


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_at_first_every_gateway_is_waited_for(gateway: str) -> None:
    check = Number(gateway).check()
    assert check.verdict.code == "nothing"
    assert check.is_waiting
    assert not any(stage.done for stage in check.stages)


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution", "wppconnect", "generic"])
def test_a_label_on_a_chat_is_what_makes_it_work(gateway: str) -> None:
    number = Number(gateway, timezone="UTC")
    number.post(number.said.message(BUDI, at=now()))
    number.post(number.said.label_on_chat(BUDI, "5", on=True, at=now()))
    number.drain()
    check = number.check()
    assert check.verdict.code == "works"
    assert not check.is_waiting
    assert check.stages[2].done
    assert check.stages[3].done


def test_messages_are_all_that_is_wanted_of_the_cloud_api() -> None:
    number = Number("cloudapi")
    number.post(number.said.message(BUDI, at=now()))
    number.drain()
    assert number.verdict == "works"


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "cloudapi"])
def test_a_wrong_secret_is_named(gateway: str) -> None:
    number = Number(gateway)
    assert number.post(number.wrongly.message(BUDI, at=now())).status == 401
    check = number.check()
    assert (check.verdict.code, check.verdict.level) == ("wrong_signature", "bad")
    assert [stage.done for stage in check.stages[:2]] == [True, False]


def test_a_body_that_a_proxy_wrote_anew_is_named_as_a_possible_cause() -> None:
    number = Number("waha")
    post = number.said.message(BUDI, text="Halo é", at=now())
    reserialised = post.body.replace(b": ", b":").replace(b", ", b",")
    assert number.post(Post(post.headers, reserialised)).status == 401
    assert "proxy" in str(number.check().verdict.text)


def test_no_signature_at_all_is_another_fault() -> None:
    number = Number("waha")
    post = number.said.message(BUDI, at=now())
    number.post(Post({"content-type": "application/json"}, post.body))
    assert number.verdict == "no_signature"


@pytest.mark.parametrize(("end", "code"), [("falsch/", "wrong_token"), ("", "no_token")])
def test_a_wrong_or_missing_token_is_named(end: str, code: str) -> None:
    number = Number("evolution")
    number.post(number.said.message(BUDI, at=now()), path=f"/hooks/evolution/cs1/{end}")
    assert number.verdict == code


def test_a_fault_that_was_mended_is_forgotten() -> None:
    number = Number("waha")
    with time_machine.travel(now() - timedelta(minutes=30)):
        number.post(number.wrongly.message(BUDI, at=now()))
    from webhooks.models import PostCounter

    PostCounter.objects.update(last_at=now() - timedelta(minutes=30))
    number.post(number.said.label_on_chat(BUDI, "5", on=True, at=now()))
    number.drain()
    assert codes(number) == ["works"]


def test_refusals_beside_accepted_posts_say_that_the_secret_is_right() -> None:
    number = Number("waha")
    number.post(number.said.label_on_chat(BUDI, "5", on=True, at=now()))
    number.post(number.wrongly.message(BUDI, at=now()))
    number.drain()
    verdict = number.check().verdict
    assert (verdict.code, verdict.level) == ("wrong_signature", "warn")
    assert "accepted" in str(verdict.title)


@pytest.mark.parametrize("gateway", ["waha", "gowa", "wuzapi", "evolution", "wppconnect"])
def test_messages_without_labels_bring_the_gateways_own_hint(gateway: str) -> None:
    from desk.connection.guides import GUIDES

    number = Number(gateway)
    number.post(number.said.message(BUDI, at=now()))
    number.drain()
    verdict = number.check().verdict
    assert verdict.code == "no_labels"
    assert str(GUIDES[gateway].no_labels) in str(verdict.text)


def test_the_hint_for_evolution_names_the_database_fault() -> None:
    number = Number("evolution")
    number.post(number.said.message(BUDI, at=now()))
    number.drain()
    assert "42P10" in str(number.check().verdict.text)
    assert "DATABASE_SAVE_DATA_CHATS=false" in str(number.check().verdict.text)


def test_group_events_only_is_no_fault_but_not_enough() -> None:
    number = Number("gowa")
    number.post(number.said.message(GROUP, at=now()))
    number.drain()
    check = number.check()
    assert check.verdict.code == "only_groups"
    assert check.is_waiting


def test_another_session_name_is_shown_and_can_be_taken_over() -> None:
    number = Number("waha")
    other = Number("waha", key="cs2")
    post = other.said.message(BUDI, at=now())
    assert number.post(post).status == 202
    number.drain()
    verdict = number.check().verdict
    assert (verdict.code, verdict.session) == ("session", "cs2")


def test_shapes_nobody_knows_are_named_with_their_reason() -> None:
    number = Number("waha")
    number.post(number.said.unheard_of())
    number.drain()
    assert "parked" in codes(number)


def test_a_number_that_waits_for_its_qr_code_is_named() -> None:
    number = Number("waha")
    number.post(number.said.event("session.status", {"name": "cs1", "status": "SCAN_QR_CODE"}, at=now()))  # type: ignore[attr-defined]
    number.drain()
    assert number.verdict == "status_pairing"


def test_posts_that_nobody_processes_are_named() -> None:
    number = Number("waha")
    number.post(number.said.message(BUDI, at=now()))
    from webhooks.models import InboundEvent

    InboundEvent.objects.update(received_at=now() - timedelta(minutes=2))
    assert "slow" in codes(number)


def test_a_clock_that_is_ahead_is_named() -> None:
    number = Number("gowa")
    for n in range(6):
        number.post(number.said.label_on_chat(BUDI, str(n), on=True, at=now() + timedelta(hours=7)))
    number.drain()
    assert "clock_ahead" in codes(number)


def test_events_that_are_much_older_than_their_arrival_are_named() -> None:
    number = Number("gowa")
    for n in range(6):
        number.post(number.said.label_on_chat(BUDI, str(n), on=True, at=now() - timedelta(hours=7)))
    number.drain()
    assert "clock_behind" in codes(number)


def test_what_a_gateway_kept_and_tells_at_once_is_no_wrong_clock() -> None:
    """The past it sends when it is connected, or what happened while nobody reached us."""
    number = Number("gowa")
    for n in range(6):
        number.post(number.said.label_on_chat(BUDI, str(n), on=True, at=now() - timedelta(days=6 - n)))
    number.drain()
    assert "clock_behind" not in codes(number)


def test_evolution_without_a_time_zone_is_told_what_that_costs() -> None:
    number = Number("evolution")
    number.post(number.said.label_on_chat(BUDI, "5", on=True, at=now()))
    number.drain()
    assert codes(number) == ["time_zone", "works"]


def test_posts_under_this_key_for_another_gateway_are_named() -> None:
    number = Number("waha")
    UnknownChannel.objects.create(gateway="gowa", key="cs1", count=3, last_at=now())
    assert number.verdict == "other_gateway"


def test_an_address_of_this_machine_only_is_pointed_out_while_nothing_came() -> None:
    number = Number("waha")
    assert [finding.code for finding in number.check(local_address=True).findings] == ["nothing", "local_address"]
    number.post(number.said.label_on_chat(BUDI, "5", on=True, at=now()))
    number.drain()
    assert [finding.code for finding in number.check(local_address=True).findings] == ["works"]


def test_the_check_takes_few_queries_however_much_arrived(django_assert_max_num_queries: object) -> None:
    number = Number("gowa")
    for n in range(80):
        number.post(number.said.label_on_chat(f"62812000{n:05d}", "1", on=True, at=now() - timedelta(seconds=n)))
    number.drain()
    number.post(number.wrongly.message(BUDI, at=now()))
    with django_assert_max_num_queries(12):
        number.check()
