"""What one regular expression says of a mobile of the business's country, the numbering plan says, too."""

from __future__ import annotations

import random

import pytest

from labelcrm.lib import phones


@pytest.mark.parametrize("region", ["ID", "DE", "GB", "MX", "AR", "IT", "US", "SG"])
def test_the_shortcut_for_mobiles_says_what_the_long_way_says(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefixes of four digits at every length, with the country code, with and without its plus, and with a zero."""
    draw = random.Random(region)
    code = phones.phonenumbers.country_code_for_region(region)
    prefixes = range(1000, 10_000) if region == "ID" else draw.sample(range(1000, 10_000), 500)
    texts = [
        f"{form}{prefix}{draw.randrange(10**length):0{length}d}"
        for prefix in prefixes
        for length in range(3, 10)
        for form in (f"+{code}", str(code), "0")
    ]
    short = {text: mobile for text in texts if (mobile := phones.mobile_here(text, region=region))}
    assert bool(short) == (region in ("ID", "DE", "GB"))
    monkeypatch.setattr(phones, "mobile_here", lambda text, *, region: None)
    for text, mobile in short.items():
        assert phones.readings(text, region=region) == phones.Readings((mobile,)), text


def test_a_shortcut_leaves_other_spellings_to_the_long_way() -> None:
    for text in ("0812-3456-7890", "081234567890 ", "+62 812 3456 7890", "6281234567890@c.us", "0812", "021555123"):
        assert phones.readings(text, region="ID").number == phones.to_e164(text, region="ID")
