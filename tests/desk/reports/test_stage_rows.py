"""The rows behind the numbers of stages and movement: whom they are of is said by name, whatever names the row."""

from __future__ import annotations

import pytest

from labels.models import Label
from tests.desk.reports.test_pages import client_of
from tests.reports.world import day
from tests.webhooks.generic import Bridge

pytestmark = pytest.mark.django_db
SPAN = f"from={day(3):%Y-%m-%dT%H:%MZ}&to={day(10):%Y-%m-%dT%H:%MZ}"


@pytest.fixture
def stages() -> dict[str, int]:
    """Budi was hot and got a grade; Siti came as hot in the period."""
    bridge = Bridge(key="cs1", agent="rina", team="Sales")
    for external, name in (("1", "Prospek panas"), ("2", "Grade A")):
        bridge.save(external, name, at=day(-1))
    budi, siti = "628155500001", "628155500002"
    bridge.label("added", "1", budi, at=day(1))
    bridge.label("added", "2", budi, at=day(5))
    bridge.label("added", "1", siti, at=day(6))
    bridge.drain()
    return {label.name: label.pk for label in Label.objects.filter(step=2)}


@pytest.mark.parametrize(
    ("report", "figure", "who", "title"),
    [
        ("movement", "out", "{hot}", "Went out: Hot prospect"),
        ("movement", "contacts", "{hot}:{grade}", "From here to there: Hot prospect → Grade A"),
        ("movement", "contacts", "new:{hot}", "From here to there: New contacts → Hot prospect"),
        ("moves", "count", "null:{hot}", "All moves: No stage → Hot prospect"),
        ("time-in-stage", "ended", "{hot}", "Stays that ended: Hot prospect"),
        ("funnel", "label_reached", "{hot}", "This step or further: Hot prospect"),
        ("cohorts", "contacts", "2026-03-02", "Contacts of the week: 2 Mar 2026"),
    ],
)
def test_the_rows_behind_a_number_are_one_and_are_named(
    stages: dict[str, int], report: str, figure: str, who: str, title: str
) -> None:
    key = who.format(hot=stages["Prospek panas"], grade=stages["Grade A"])
    page = client_of(language="en").get(f"/admin/reports/rows/?report={report}&figure={figure}&who={key}&{SPAN}")
    assert page.status_code == 200
    assert (page.context["total"], page.context["title"]) == (1, title)


def test_a_step_is_named_by_its_labels_and_nobody_stays_without_a_name(stages: dict[str, int]) -> None:
    client = client_of(language="en")
    step = client.get(f"/admin/reports/rows/?report=funnel&figure=reached&who=2&{SPAN}").context["title"]
    assert "Hot prospect" in step
    before = client.get(f"/admin/reports/rows/?report=cohorts&figure=contacts&who=none&{SPAN}").context
    assert (before["total"], before["title"]) == (0, "Contacts of the week: Before labelcrm")
    for broken in ("report=moves&figure=count&who=1", "report=movement&figure=contacts&who=new:999999"):
        assert client.get(f"/admin/reports/rows/?{broken}&{SPAN}").status_code == 404
