"""Labels that contradict each other, settled from the Today page as from their own list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from labels.models import ContradictionFlag
from tests.desk.today.world import NOW, Morning, make_morning

pytestmark = pytest.mark.django_db
TODAY = "/admin/today/"
FETCHED = {"X-Requested-With": "fetch"}


@pytest.fixture(autouse=True)
def _on_friday() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def morning(db: None) -> Morning:
    return make_morning()


@pytest.fixture
def lead(client_of: Callable[..., Client], morning: Morning) -> Client:
    return client_of("cs_lead", morning.shop)


def act(client: Client, morning: Morning, do: str, **fields: Any) -> dict[str, Any]:
    given = {"do": do, "contact": morning.people["Fina"].pk, **fields}
    return dict(client.post(f"{TODAY}act/", given, headers=FETCHED).json())


def flag(morning: Morning) -> ContradictionFlag:
    return ContradictionFlag.objects.get(contact=morning.people["Fina"])


def test_both_are_right_needs_a_reason_and_is_undone(lead: Client, morning: Morning) -> None:
    assert act(lead, morning, "settle")["error"] == "Say why both labels are right."
    assert act(lead, morning, "settle", reason="two shops")["said"] == "Both are right."
    assert (flag(morning).closed_reason, flag(morning).remark) == ("right", "two shops")
    act(lead, morning, "undo")
    assert flag(morning).closed_at is None


def test_what_is_taken_off_in_whatsapp_is_waited_for(lead: Client, morning: Morning) -> None:
    html = lead.get(f"{TODAY}?contact={morning.people['Fina'].pk}").content.decode()
    assert "Take “Grade B” off in WhatsApp." in html
    act(lead, morning, "fix")
    assert str(flag(morning).awaited) == "Grade B"
    act(lead, morning, "undo")
    assert flag(morning).awaited is None
