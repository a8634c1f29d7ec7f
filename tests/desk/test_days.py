"""Days and times are written one way on every page, and typed as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from contacts.models import Campaign, Contact
from desk.base.days import DayField, DayTimeField, typed_period
from desk.contacts.page import TICKS, ticks
from desk.templatetags.labelcrm import exact, length, moment, period, short, with_weekday
from reports.columns import written
from reports.selectors.periods import Period, of_days
from tests.desk.conftest import Shop
from tests.factories import CampaignFactory, ContactFactory

ClientOf = Callable[..., Client]
FORMATS = {"DATE_FORMAT", "TIME_FORMAT", "DATETIME_FORMAT", "MONTH_DAY_FORMAT", "YEAR_MONTH_FORMAT", "c", "Y-m-d"} | {
    "l",
    "D",
    "j",  # the name of a weekday and the number of a day
}
SOURCES = [*(settings.BASE_DIR / "templates").rglob("*.html"), *(settings.BASE_DIR / "desk").rglob("*.py")]


def at(*parts: int) -> datetime:
    return timezone.make_aware(datetime(*parts))  # type: ignore[arg-type]


# -- Written


NAMES_FILES = ("pages.py", "report_downloads.py")  # which say the day in a name


def test_no_page_has_a_format_of_its_own() -> None:
    """The languages' formats stand in labelcrm/formats; "Y-m-d" only compares days, "c" is for machines."""
    assert SOURCES
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        used = {
            *re.findall(r'\|(?:date|time):"([^"]*)"', text),
            *re.findall(r"""format_date\([^()"'\n]*(?:\([^()]*\)[^()"'\n]*)?["']([^"']*)["']""", text),
        }
        assert used <= FORMATS, path
        assert not re.search(r':%[dHY]|strftime\("%[dY]', text) or path.name in NAMES_FILES, path


@pytest.mark.parametrize(
    ("language", "day", "hour"),
    [("id", "29 Agu 2026, 09.05", "29 Agu, 09.05"), ("en", "29 Aug 2026, 09:05", "29 Aug, 09:05")],
)
def test_each_language_writes_a_time_as_its_people_do(language: str, day: str, hour: str) -> None:
    told = at(2026, 8, 29, 9, 5, 12)
    with override(language), time_machine.travel(at(2026, 11, 29, 10), tick=False):
        assert (short(told), exact(told)) == (hour, f"{day}{day[-3]}12")
        assert hour in moment(told)
        assert short(at(2025, 8, 29, 9)) == day[:6] + " 2025"


def test_a_day_of_these_weeks_is_told_with_its_weekday() -> None:
    with override("id"):
        assert with_weekday(at(2026, 11, 22, 9)) == "Minggu 22 Nov"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (of_days(date(2026, 11, 1), date(2026, 12, 1)), "1 Nov 2026 – 30 Nov 2026"),
        (of_days(date(2026, 11, 29), date(2026, 11, 30)), "29 Nov 2026"),
        (Period(at(2026, 11, 29), at(2026, 11, 29, 10, 30)), "29 Nov 2026, 00.00 – 29 Nov 2026, 10.30"),
    ],
)
def test_the_last_day_of_a_period_is_the_last_that_counts(shown: Period, words: str) -> None:
    with override("id"):
        assert period(shown) == words


def test_a_duration_is_told_in_words_and_a_list_is_counted() -> None:
    with override("en"):
        assert [length(timedelta(hours=5)), length(90), length([1, 2]), length(None)] == ["5 hours", "1 minute", 2, ""]


def test_a_minus_is_as_long_as_a_plus() -> None:
    with override("id"):
        assert written(-1234, "count") == "\u22121.234"


# -- Typed


@pytest.mark.parametrize("text", ["29/11/2026", "2026-11-29", "29 Nov 2026", "besok", "tomorrow"])
def test_a_day_field_takes_what_people_type(text: str) -> None:
    with time_machine.travel(at(2026, 11, 28, 23), tick=False):
        assert DayField().clean(text) == date(2026, 11, 29)


@pytest.mark.parametrize("text", ["soon", "31/2/2026", "1/1/9999", "29 Nov 2026 14:00", "0001-01-01", "9" * 300])
def test_a_day_field_says_how_to_write_a_day(text: str) -> None:
    with override("id"), pytest.raises(ValidationError, match="29/11/2026"):
        DayField().clean(text)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("29 Nov 2026", time(9)), ("29 Nov 2026, 14.30", time(14, 30)), ("besok jam 7", time(7)),
        ("2026-11-29T14:30", time(14, 30)), ("2026-11-29T07:30:00Z", time(14, 30)),
    ],
)  # fmt: skip
def test_a_day_without_a_time_means_the_fields_time(text: str, clock: time) -> None:
    with time_machine.travel(at(2026, 11, 28, 23), tick=False):
        assert DayTimeField(clock=time(9)).clean(text) == timezone.make_aware(
            datetime.combine(date(2026, 11, 29), clock)
        )


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_field_shows_its_day_in_the_readers_language_and_reads_it_again(language: str) -> None:
    day, moment_shown = date(2026, 8, 9), at(2026, 8, 9, 14, 30)
    with override(language):
        shown = DayField().widget.format_value(day)
        assert shown == ("9 Agu 2026" if language == "id" else "9 Aug 2026")
        assert DayField().clean(shown) == day
        timed = DayTimeField()
        assert timed.clean(timed.widget.format_value(moment_shown)) == moment_shown
        assert DayField().widget.format_value("no day") == "no day"


def test_a_time_that_only_lacks_its_seconds_is_no_change() -> None:
    field, initial = DayTimeField(), at(2026, 8, 9, 14, 30, 59)
    assert not field.has_changed(initial, field.widget.format_value(initial))
    assert field.has_changed(initial, "9 Aug 2026, 14:31")
    assert field.has_changed(initial, "")
    assert not field.has_changed(None, "")


def test_a_report_takes_its_last_day_along() -> None:
    with time_machine.travel(at(2026, 11, 29, 10), tick=False):
        asked = typed_period({"from": "1 Nov 2026", "until": "hari ini", "team": "1"})
    assert asked == {"from": "2026-11-01", "to": "2026-11-30", "team": "1"}
    assert typed_period({"from": "x", "until": "y"}) == {"from": "x", "to": "y"}
    assert typed_period({"from": "2026-11-01T00:00:00+07:00", "to": "2026-11-30T00:00:00+07:00"})["to"].endswith(
        "+07:00"
    )


# -- Pages


@time_machine.travel("2026-03-02T10:00:00Z", tick=False)
def test_a_follow_up_without_a_time_is_at_nine(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client = client_of("cs_lead", shop, language="id")
    page = f"/admin/contacts/contact/{contact.pk}/"
    assert "Tanpa jam berarti pukul 09.00." in client.get(page).content.decode()
    client.post(page, {"name": "Siti", "follow_up_at": "besok"})
    contact.refresh_from_db()
    assert contact.follow_up_at == at(2026, 3, 3, 9)
    html = client.get(page).content.decode()
    assert 'value="3 Mar 2026, 09.00"' in html
    client.post(page, {"name": "Siti", "follow_up_at": "3 Mar 2026, 14.30"})
    contact.refresh_from_db()
    assert contact.follow_up_at == at(2026, 3, 3, 14, 30)


def test_a_wrong_day_stays_in_its_field_with_a_sentence(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client = client_of("cs_lead", shop, language="id")
    html = client.post(f"/admin/contacts/contact/{contact.pk}/", {"name": "Siti", "follow_up_at": "kapan"}).text
    assert 'value="kapan"' in html
    assert "Tulis tanggal seperti" in html


def test_an_admin_form_takes_a_day_as_it_is_typed(client_of: ClientOf, shop: Shop) -> None:
    campaign: Any = CampaignFactory()
    client = client_of("root", shop, language="id")
    page = f"/admin/contacts/campaign/{campaign.pk}/change/"
    html = client.get(page).content.decode()
    assert 'name="starts_on"' in html
    assert 'type="date"' not in html
    form = {
        "name": campaign.name, "code": campaign.code, "source": "", "cost": "",
        "starts_on": "1 Mei 2026", "ends_on": "3/6/26", "costs-TOTAL_FORMS": "0", "costs-INITIAL_FORMS": "0",
    }  # fmt: skip
    client.post(page, form)
    saved = Campaign.objects.get(pk=campaign.pk)
    assert (saved.starts_on, saved.ends_on) == (date(2026, 5, 1), date(2026, 6, 3))


def test_a_list_is_narrowed_by_days_as_they_are_typed(client_of: ClientOf, shop: Shop) -> None:
    for day, name in ((1, "Early"), (2, "Wanted"), (3, "Late")):
        ContactFactory(name=name, last_inbound_at=at(2026, 3, day, 23, 30))
    client = client_of("root", shop, language="id")
    html = client.get("/admin/contacts/contact/?last_inbound_at_from=2+Mar+2026&last_inbound_at_to=2/3/2026").text
    assert [name for name in ("Early", "Wanted", "Late") if f">{name}<" in html] == ["Wanted"]
    assert Contact.objects.count() == 3
    assert 'value="2 Mar 2026"' in html


def test_a_report_shows_and_takes_its_last_day(client_of: ClientOf, shop: Shop) -> None:
    html = client_of("root", shop, language="id").get("/admin/reports/agents/?from=1+Mar+2026&until=31/3/2026").text
    assert "1 Mar 2026 – 31 Mar 2026." in html
    assert re.search(r'name="until" value="31 Mar 2026"', html)
    assert "sampai sebelum" not in html


@time_machine.travel("2026-11-28T18:00:00Z", tick=False)  # the 29th already in Jakarta
def test_the_page_is_told_which_day_was_understood(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs", shop, language="id")
    assert client.get("/admin/day/?text=besok&clock=09:00").json() == {
        "day": "2026-11-30", "text": "30 Nov 2026, 09.00", "said": "Senin, 30 Nov 2026, 09.00",
    }  # fmt: skip
    assert client.get("/admin/day/?text=29/11").json()["said"] == "Minggu, 29 Nov 2026"
    assert client.get("/admin/day/?text=x&clock=x").json() == {
        "day": "",
        "text": "",
        "said": "Tanggal ini tidak dikenali.",
    }
    assert Client().get("/admin/day/?text=besok").status_code == 302


# -- The time line of a contact


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (at(2026, 11, 27, 9), at(2026, 11, 28, 10), ["12.00", "18.00", "28 Nov", "06.00"]),
        (at(2026, 11, 25, 22), at(2026, 11, 28, 10), ["26 Nov", "12.00", "27 Nov", "12.00", "28 Nov"]),
        (at(2026, 11, 23, 9), at(2026, 11, 28, 10), ["24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov"]),
        (at(2026, 11, 1, 9), at(2026, 11, 28, 10), ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]),
        (at(2026, 6, 20), at(2026, 11, 28), ["Jul 2026", "Agu 2026", "Sep 2026", "Okt 2026", "Nov 2026"]),
        (at(2020, 6, 20), at(2026, 11, 28), ["Jan 2022", "Jan 2024", "Jan 2026"]),
    ],
)
def test_ticks_stand_where_hours_days_and_months_begin(start: datetime, end: datetime, words: list[str]) -> None:
    with override("id"):
        found = list(ticks(start, end))
    assert [name for _at, name in found] == words
    assert all(start <= moment <= end for moment, _name in found)
    assert len(found) <= TICKS


@pytest.mark.parametrize("days", [1, 2, 3, 4, 5, 8, 13, 20, 40, 83, 85, 200, 400, 1000, 3000, 9000])
def test_no_two_ticks_say_the_same_day(days: int) -> None:
    end = at(2026, 11, 28, 10, 17)
    found = list(ticks(end - timedelta(days=days), end))
    assert len({moment for moment, _name in found}) == len(found)
    names = [name for moment, name in found if moment.hour == 0]
    assert len(set(names)) == len(names)
    assert 2 <= len(found) <= TICKS + 1
