"""Times as gateways write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.gateways import times
from webhooks.gateways.events import Clock, Moment, Wall

TEN = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        1772445605,
        1772445605.0,
        "1772445605",
        " 1772445605 ",
        {"low": 1772445605, "high": 0, "unsigned": True},
        1772445605000,
        "1772445605000",
        "2026-03-02T10:00:05Z",
        "2026-03-02t10:00:05z",
        "2026-03-02T10:00:05.000Z",
        "2026-03-02T10:00:05.000000000Z",
        "2026-03-02T17:00:05+07:00",
        "2026-03-02T17:00:05+0700",
        "2026-03-02 17:00:05 +07:00",
        "2026-03-02T07:00:05-03:00",
    ],
)
def test_one_instant_is_read_from_every_spelling(value: Any) -> None:
    assert times.told(value, Clock.WHATSAPP) == Moment(value=TEN, clock=Clock.WHATSAPP)


@pytest.mark.parametrize(
    ("value", "microsecond"),
    [(1710481111.853, 853000), (1710481111853, 853000), ("1710481111.853", 853000),
     ("2024-03-15T05:38:31.853Z", 853000),
     ("2024-03-15T05:38:31.8Z", 800000), ("2024-03-15T05:38:31.123456789Z", 123456)],
)  # fmt: skip
def test_fractions_are_kept(value: Any, microsecond: int) -> None:
    told = times.told(value, Clock.GATEWAY)
    assert told is not None
    assert told.value == datetime(2024, 3, 15, 5, 38, 31, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, "", "abc", "NaN", "inf", "1_772_445_605", "-5", -5, 0, "0", 1, 2**63, 10**400, 1e308,
        float("nan"), float("inf"), -float("inf"), [], {}, [1772445605], {"low": 1},
        "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
        "2009-01-31T23:59:59Z", "9999-12-31T23:59:59-07:00", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-03-02T25:00:00Z", "2026-03-02", "20260302T100005Z", "2026-W10-1T10:00:05Z", "2026-03-02T10:00:05+99:00",
        "\uff11\uff17\uff17\uff12", "1" * 5000, "2026-03-02T10:00:05Z" * 100,
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(value: Any) -> None:
    assert times.told(value, Clock.WHATSAPP) is None
    assert times.told_by_bridge(value) is None


def test_the_first_believed_instant_is_whatsapps_first_month() -> None:
    assert times.told("2009-02-01T00:00:00Z", Clock.WHATSAPP) is not None


def test_a_time_to_come_is_handed_on_as_told() -> None:
    told = times.told("2036-01-01T00:00:00Z", Clock.WHATSAPP)
    assert told is not None
    assert told.value.year == 2036


def test_a_time_without_an_offset_is_no_instant() -> None:
    assert times.told("2026-03-02T10:00:05", Clock.GATEWAY) is None


def test_the_bridge_means_business_time_where_it_names_no_offset() -> None:
    naive = datetime(2026, 3, 2, 10, 0, 5)
    assert times.told_by_bridge("2026-03-02T10:00:05") == Moment(value=naive, clock=Clock.GATEWAY, wall=Wall.BUSINESS)
    assert times.told_by_bridge("2026-03-02 10:00") is not None
    assert times.told_by_bridge("2026-03-02T17:00:05+07:00") == Moment(value=TEN, clock=Clock.GATEWAY)


def test_a_false_z_leaves_a_wall_time() -> None:
    naive = datetime(2026, 3, 2, 7, 0, 5, 250000)
    assert times.told_with_false_z("2026-03-02T07:00:05.250Z") == Moment(
        value=naive, clock=Clock.GATEWAY, wall=Wall.CHANNEL
    )


def test_an_honest_offset_is_believed_even_there() -> None:
    assert times.told_with_false_z("2026-03-02T07:00:05-03:00") == Moment(value=TEN, clock=Clock.GATEWAY)


@pytest.mark.parametrize("value", [None, "", "Z", "abcZ", 1772445605, True, "1970-01-01T00:00:00Z"])
def test_a_false_z_on_nothing_is_none(value: Any) -> None:
    assert times.told_with_false_z(value) is None
