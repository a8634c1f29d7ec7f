"""Cases 1-8 and 14: the same thing twice, things in the wrong order, things too late."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from contacts.models import Message
from labels.models import ChannelLabel, ChannelLabelEvent, LabelAssignment, LabelDay, LabelEvent, LabelSpell
from tests.adversarial.number import BUDI, WITH_LABELS, Number, minutes, states
from tests.webhooks.generic import Bridge
from webhooks.models import InboundEvent
from webhooks.selectors import inbox_summary

pytestmark = pytest.mark.django_db
CLOCKED = [name for name in WITH_LABELS if name != "wppconnect"]  # gateways whose events say when


@pytest.mark.parametrize("gateway", CLOCKED)
def test_case_01_the_same_delivery_twice_is_stored_once(gateway: str) -> None:
    """WAHA repeats its event id; the others are known by their content with its time."""
    number = Number(gateway)
    post = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(1))
    assert [number.send(post).status for _ in range(3)] == [202, 200, 200]
    number.drain()
    assert number.spans() == [(minutes(1), None)]
    assert LabelEvent.objects.count() == 1
    assert inbox_summary()["duplicate"] == 2


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("seconds", [0, 0.003, 5])
@pytest.mark.parametrize("ids", [("evt_a", "evt_b"), ("evt_b", "evt_a")])
def test_case_02_one_change_by_two_webhooks_with_two_ids_counts_once(
    ids: tuple[str, str], seconds: float, on: bool
) -> None:
    """WAHA with a global and a session webhook on one address."""
    number = Number("waha")
    if not on:
        number.take(number.say.label_on_chat(BUDI, "7", on=True, at=minutes(0)))
    told = {"labelId": "7", "chatId": f"{BUDI}@c.us", "label": None}
    event = "label.chat.added" if on else "label.chat.deleted"
    for event_id, at in zip(ids, (minutes(1), minutes(1) + timedelta(seconds=seconds)), strict=True):
        number.take(number.say.event(event, told, at=at, event_id=event_id))
    assert number.spans() == ([(minutes(1), None)] if on else [(minutes(0), minutes(1))])
    assert states()[-2:] == ["applied", "duplicate"]
    effects = LabelEvent.objects.filter(kind="add" if on else "remove").values_list("effect", flat=True)
    assert sorted(effects) == ["none", "opened"] if on else ["closed", "none"]


@pytest.mark.parametrize("together", [True, False])
def test_case_03_message_and_message_any_are_one_message(together: bool) -> None:
    number = Number("waha")
    for event in ("message", "message.any"):
        number.hear(number.say.message(BUDI, event=event, at=minutes(1)))
        if not together:
            number.drain()
    number.drain()
    assert Message.objects.count() == 1
    assert sorted(states()) == ["applied", "duplicate"]


@pytest.mark.parametrize("gateway", WITH_LABELS)
def test_case_04_a_second_add_keeps_the_first_time(gateway: str) -> None:
    number = Number(gateway)
    for at in (1, 2, 3):
        number.label(BUDI, "7", minutes(at))
    number.drain()
    assert number.spans() == [(minutes(1), None)]
    assert states() == ["applied", "duplicate", "duplicate"]
    assert LabelSpell.objects.count() == 1


@pytest.mark.parametrize("gateway", WITH_LABELS)
def test_case_05_a_removal_without_an_add_is_recorded_and_counts_nowhere(gateway: str) -> None:
    number = Number(gateway)
    number.label(BUDI, "7", minutes(1), on=False)
    number.drain()
    event = LabelEvent.objects.get()
    assert (event.kind, event.effect, event.contact.phone) == ("remove", "none", f"+{BUDI}")
    assert not LabelAssignment.objects.exists()
    assert not LabelDay.objects.exists()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("gateway", CLOCKED)
def test_case_06_a_removal_that_overtakes_its_add_closes_it(gateway: str, together: bool) -> None:
    number = Number(gateway)
    number.label(BUDI, "7", minutes(10), on=False)
    if not together:
        number.drain()
    number.label(BUDI, "7", minutes(5))
    number.drain()
    assert number.spans() == [(minutes(5), minutes(10))]
    assert set(LabelEvent.objects.values_list("kind", "effect")) == {("add", "opened"), ("remove", "closed")}


def test_case_07_an_add_that_evolution_retries_for_twenty_minutes_reopens_nothing() -> None:
    number = Number("evolution")
    number.label(BUDI, "7", minutes(1))
    number.label(BUDI, "7", minutes(5), on=False)
    number.drain()
    late = number.say.label_on_chat(BUDI, "7", on=True, at=minutes(4))
    number.take(late, received=minutes(25))
    assert number.spans() == [(minutes(1), minutes(5))]
    assert number.send(late).status == 200


@pytest.mark.parametrize("removal_first", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_case_08_on_and_off_in_one_second_is_off_whatever_came_first(removal_first: bool, together: bool) -> None:
    """GOWA counts whole seconds: an add comes before a remove of the same time."""
    number = Number("gowa")
    for on in (not removal_first, removal_first):
        number.label(BUDI, "7", minutes(1), on=on)
        if not together:
            number.drain()
    number.drain()
    assert number.spans() == [(minutes(1), minutes(1))]
    assert not LabelSpell.objects.filter(mistap=False).exists()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_case_08_every_order_of_four_ties_gives_the_same_interval(order: tuple[int, ...]) -> None:
    number = Number("gowa")
    told = [(1, True), (2, True), (2, False), (2, True)]
    for n in order:
        at, on = told[n]
        post = number.say.label_on_chat(BUDI, "7", on=on, at=minutes(at))
        number.send(post)
        number.drain()
    assert number.spans() == [(minutes(1), minutes(2))]


@pytest.mark.parametrize("apart", [0.0, 0.02])
@pytest.mark.parametrize("together", [True, False])
def test_case_14_evolution_says_twice_that_a_label_is_gone(apart: float, together: bool) -> None:
    number = Number("evolution")
    number.hear(number.say.label_saved("7", name="Promo", color=3, at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    for n in range(2):
        number.hear(number.say.label_deleted("7", at=minutes(5) + timedelta(seconds=n * apart)))
        if not together:
            number.drain()
    number.drain()
    assert number.spans() == [(minutes(1), minutes(5))]
    assert ChannelLabel.objects.count() == 1
    assert ChannelLabelEvent.objects.filter(kind="deleted").count() == (2 if apart else 1)


@pytest.mark.parametrize("timezone", ["", "America/Sao_Paulo"])
def test_case_14_a_repeated_deletion_does_not_end_the_next_generation(timezone: str) -> None:
    """Both deletions happened before WhatsApp used the id again."""
    number = Number("evolution", timezone=timezone)
    number.hear(number.say.label_saved("7", name="Promo", at=minutes(0)), received=minutes(0))
    number.label(BUDI, "7", minutes(1))
    for at in (5, 5.001):
        number.hear(number.say.label_deleted("7", at=minutes(at)), received=minutes(at))
    number.hear(number.say.label_saved("7", name="Hot", at=minutes(6)), received=minutes(6))
    number.label(BUDI, "7", minutes(7))
    number.drain()
    assert number.spans() == [(minutes(1), minutes(5)), (minutes(7), None)]
    assert list(ChannelLabel.objects.order_by("generation").values_list("name", flat=True)) == ["Promo", "Hot"]


def test_one_truth_by_two_bridges_of_two_numbers_is_two_truths() -> None:
    """Dedupe is per number: the same delivery id on another number is another event."""
    for key in ("cs1", "cs2"):
        bridge = Bridge(key)
        assert bridge.label("added", "5", BUDI, id="x1", at=minutes(1)).status == 202
        bridge.drain()
    assert InboundEvent.objects.filter(state="applied").count() == 2
