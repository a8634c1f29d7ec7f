"""What cannot be meant is said as such, on a page and in the API."""

from __future__ import annotations

import pytest

from labelcrm.core.viewer import Viewer
from reports.query import REPORTS, InvalidQuery, parse_query

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("channel", "x" * 61, "max_length"),
        ("label", "x" * 201, "max_length"),
        ("team", "²", "invalid"),
        ("team", "9" * 25, "max_value"),
        ("period", "next_year", "invalid_choice"),
        ("from", "9999-12-31", "invalid"),
        ("certain", "yes", "invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(name: str, text: str, code: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_query(REPORTS["agents"], {name: text}, viewer=Viewer(everything=True))
    assert (refused.value.name, refused.value.code) == (name, code)
