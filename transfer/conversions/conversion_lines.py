"""How a conversion is written for each target, column by column.

Meta, offline events: hashed numbers as for custom audiences, SHA-256 of the digits with the country code; times in ISO
8601 with their offset (Marketing API, "Sending Offline Events Using the Conversions API": `user_data.ph`,
`custom_data.value` and `currency`, `order_id`). The names of the columns of a file that is uploaded by hand in Events
Manager are from memory: its documents are behind a login. `ctwa_clid` is the id of the click; Events Manager leaves a
column out that nobody maps.

Google Ads, conversions from clicks: a line with the time zone, then "Google Click ID, Conversion Name, Conversion Time,
Conversion Value, Conversion Currency" (Google Ads Help 7014069). Enhanced conversions for leads: "Phone Number", hashed
as SHA-256 of the number in E.164 with its plus, and "Order ID" besides (Google Ads API, "Enhanced Conversions for
Leads", normalisation). Each time carries its own offset, as +0700: offsets with a colon and ISO's "T" are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from labelcrm.lib.cells import for_csv
from transfer.conversions.models import Target
from transfer.exports import csv_rows

CURRENCY = "IDR"


@dataclass(frozen=True, slots=True)
class ConversionLayout:
    """A target's file: what stands above the rows, and the cells of one. Ids and hashes stay as they are."""

    headings: tuple[str, ...]
    line: Callable[[Any], list[str]]
    above: tuple[str, ...] = ()

    def head(self) -> bytes:
        """What stands before the rows; no mark, which both would take for a part of the first name."""
        return csv_rows([*([self.above] if self.above else []), self.headings], as_they_are=True)

    def piece(self, conversions: Iterable[Any]) -> bytes:
        """These conversions, whose contact and event are loaded."""
        return csv_rows((self.line(conversion) for conversion in conversions), as_they_are=True)


def hashed(text: str) -> str:
    """SHA-256 in small letters; "" of nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def amount(value: Any) -> str:
    """Rupiah without decimals; "" of no value."""
    return "" if value is None else f"{value:.0f}"


def _currency(conversion: Any) -> str:
    return "" if conversion.value is None else CURRENCY


def _google_time(conversion: Any) -> str:
    return f"{timezone.localtime(conversion.occurred_at):%Y-%m-%d %H:%M:%S%z}"


def _meta(conversion: Any) -> list[str]:
    return [
        conversion.event.meta_name,
        timezone.localtime(conversion.occurred_at).isoformat(timespec="seconds"),
        amount(conversion.value),
        _currency(conversion),
        hashed(conversion.contact.phone.removeprefix("+").lstrip("0")),
        conversion.key,
        conversion.click_id,
    ]


def _google(conversion: Any) -> list[str]:
    return [
        conversion.click_id,
        for_csv(conversion.event.google_name),
        _google_time(conversion),
        amount(conversion.value),
        _currency(conversion),
    ]


def _google_leads(conversion: Any) -> list[str]:
    by_google = conversion.network == conversion.Network.GOOGLE
    return [
        hashed(conversion.contact.phone),
        for_csv(conversion.event.google_name),
        _google_time(conversion),
        amount(conversion.value),
        _currency(conversion),
        conversion.key,
        conversion.click_id if by_google else "",
    ]


_ZONE = (f"Parameters:TimeZone={settings.TIME_ZONE}",)
_CONVERSION = ("Conversion Name", "Conversion Time", "Conversion Value", "Conversion Currency")
LAYOUTS: dict[str, ConversionLayout] = {
    Target.META: ConversionLayout(
        ("event_name", "event_time", "value", "currency", "phone", "order_id", "ctwa_clid"), _meta
    ),
    Target.GOOGLE: ConversionLayout(("Google Click ID", *_CONVERSION), _google, above=_ZONE),
    Target.GOOGLE_LEADS: ConversionLayout(
        ("Phone Number", *_CONVERSION, "Order ID", "Google Click ID"), _google_leads, above=_ZONE
    ),
}
