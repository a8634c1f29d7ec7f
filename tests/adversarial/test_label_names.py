"""Cases 12, 13, 15-17, 19, 20, 22 and 23: what WhatsApp calls its labels, and which of them are labels at all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db.models import F

from contacts.models import Contact
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAssignment, LabelDay, LabelEvent, LabelSpell
from labels.rules.naming import normalize
from labels.services.channel_labels import name_placeholder
from tests.adversarial.number import BUDI, SITI, WITH_DEFINITIONS, Number, crossed, minutes, phone, reasons
from tests.work import remap_now
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

STRANGE_NAMES = (
    "🔥 Hot lead", "دافئ", "Panas ", " Panas", "x" * 140, "<script>alert(1)</script>", "=cmd()|'/c calc'!A0",
    "+62812", "-1+1", "@sum", "a\tb", "🔥", "👨\u200d👩\u200d👧", "\u202egnp.exe", "Grade A / B", "'",
    '"', "{{ 7*7 }}", "NULL", "0",
)  # fmt: skip
SYSTEM_LISTS = ("UNREAD", "GROUPS", "FAVORITES", "COMMUNITY", "DRAFTED", "CHANNELS", "ARCHIVED", "LOCKED", "INVITES")
LISTS_OF_PEOPLE = ("CUSTOM", "PREDEFINED", "LEAD", "NONE", None)
LIST_NUMBERS = {"UNREAD": 1, "GROUPS": 2, "FAVORITES": 3, "PREDEFINED": 4, "CUSTOM": 5, "LEAD": 16}


def only_label() -> ChannelLabel:
    return ChannelLabel.objects.select_related("label").get()


@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_12_a_label_nobody_named_waits_for_its_name(gateway: str) -> None:
    number = Number(gateway)
    number.label(BUDI, "21", minutes(1))
    number.drain()
    label = only_label()
    assert (label.external_id, label.name, label.is_placeholder) == ("21", "Label 21 (Number cs1)", True)
    number.take(number.say.label_saved("21", name="Grade A", color=2, at=minutes(3)))
    label = only_label()
    assert (label.name, label.label.name, label.is_placeholder, label.color) == ("Grade A", "Grade A", False, 2)
    assert number.spans() == [(minutes(1), None)]
    assert [spell.label.name for spell in LabelSpell.objects.select_related("label")] == ["Grade A"]
    assert not Label.objects.filter(name__startswith="Label 21").exists()


def test_case_12_a_name_told_in_passing_is_believed_until_the_label_is_saved() -> None:
    number = Number("waha")
    number.take(number.say.label_on_chat(BUDI, "21", on=True, at=minutes(1), label={"id": "21", "name": "Cold"}))
    assert (only_label().name, only_label().is_placeholder) == ("Cold", False)
    number.take(number.say.label_saved("21", name="Grade A", color=2, at=minutes(0)))
    number.take(number.say.label_on_chat(SITI, "21", on=True, at=minutes(5), label={"id": "21", "name": "Cold"}))
    assert (only_label().name, only_label().label.name) == ("Grade A", "Grade A")


def test_case_12_naming_a_label_that_is_gone_names_nobody_who_has_its_id_now() -> None:
    number = Number("gowa")
    number.label(BUDI, "7", minutes(1))
    number.hear(number.say.label_deleted("7", at=minutes(5)))
    number.label(BUDI, "7", minutes(7))
    number.drain()
    name_placeholder(channel_label=ChannelLabel.objects.get(generation=1), name="Hot", actor=None)
    labels = list(ChannelLabel.objects.order_by("generation"))
    assert [(label.name, label.is_placeholder) for label in labels] == [("Hot", False), (labels[1].name, True)]
    assert LabelAssignment.objects.get(removed_at__isnull=False).channel_label_name == "Hot"


def test_case_12_a_name_told_in_passing_that_comes_back_in_one_batch_is_the_latest() -> None:
    number = Number("wppconnect")
    for n, name in enumerate(("Grade A", "Hot", "Grade A")):
        told = number.say.labels_on_chat(phone(n), [{"id": "7", "name": name}], on=True)
        number.hear(told, received=minutes(n + 1))
        if n == 0:
            number.drain()
    number.drain()
    assert only_label().name == "Grade A"


def test_case_16_a_label_saved_again_as_it_is_or_in_another_colour_changes_nobody() -> None:
    number = Number("waha")
    number.hear(number.say.label_saved("7", name="Hot", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.drain()
    Contact.objects.update(updated_at=minutes(2))
    number.take(number.say.label_saved("7", name="Hot", at=minutes(3)))
    number.take(number.say.label_saved("7", name="Hot", color=4, at=minutes(4)))
    assert Contact.objects.get().updated_at == minutes(2)
    number.take(number.say.label_saved("7", name="Hot!", at=minutes(5)))
    assert Contact.objects.get().updated_at > minutes(5)


@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_13_a_deleted_label_keeps_its_name_and_ends_on_everybody(gateway: str) -> None:
    number = Number(gateway, agent="rina")
    number.hear(number.say.label_saved("7", name="Promo", color=3, at=minutes(0)))
    for chat in (BUDI, SITI):
        number.label(chat, "7", minutes(1))
    number.drain()
    number.take(number.say.label_deleted("7", at=minutes(5)))
    assert number.spans() == [(minutes(1), minutes(5))] * 2
    rows = LabelAssignment.objects.values_list("channel_label_name", "removed_reason", "removed_by")
    assert list(rows) == [("Promo", "label_deleted", None)] * 2
    assert (only_label().name, only_label().deleted_at) == ("Promo", minutes(5))
    assert set(LabelSpell.objects.values_list("lost", flat=True)) == {True}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_13_removals_that_whatsapp_sends_after_the_deletion_are_nobodys_work(gateway: str, together: bool) -> None:
    """The label went; that its chats are told one by one, a moment later, changes neither the end nor its reason."""
    number = Number(gateway, agent="rina")
    number.hear(number.say.label_saved("7", name="Promo", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.hear(number.say.label_deleted("7", at=minutes(5)))
    if not together:
        number.drain()
    number.label(BUDI, "7", minutes(5.1), on=False)
    number.drain()
    row = LabelAssignment.objects.get()
    assert (row.removed_at, row.removed_reason, row.removed_by) == (minutes(5), "label_deleted", None)
    assert LabelEvent.objects.get(kind="remove").effect == "none"


@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_15_an_id_that_lives_again_is_another_label(gateway: str) -> None:
    number = Number(gateway)
    number.hear(number.say.label_saved("7", name="Promo", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.hear(number.say.label_deleted("7", at=minutes(5)), number.say.label_saved("7", name="Hot", at=minutes(6)))
    number.label(BUDI, "7", minutes(7))
    number.drain()
    told = ChannelLabel.objects.order_by("generation").values_list("generation", "name", "deleted_at")
    assert list(told) == [(1, "Promo", minutes(5)), (2, "Hot", None)]
    rows = LabelAssignment.objects.order_by("added_at").values_list("channel_label_name", "label__name", "removed_at")
    assert list(rows) == [("Promo", "Promo", minutes(5)), ("Hot", "Prospek panas", None)]


LIVES = ((0, "save", "A"), (1, "add", ""), (3, "delete", ""), (4, "add", ""), (6, "delete", ""), (8, "add", ""))


@pytest.mark.parametrize("order", [*itertools.islice(itertools.permutations(range(6)), 0, 720, 37)], ids=str)
def test_case_15_three_lives_of_an_id_in_any_order_are_the_same_three(order: tuple[int, ...]) -> None:
    number = Number("gowa")
    for n in order:
        at, what, name = LIVES[n]
        if what == "add":
            number.label(BUDI, "7", minutes(at))
        else:
            said = number.say.label_saved("7", name=name, at=minutes(at)) if name else None
            number.hear(said or number.say.label_deleted("7", at=minutes(at)))
        number.drain()
    assert number.spans() == [(minutes(1), minutes(3)), (minutes(4), minutes(6)), (minutes(8), None)]
    ends = ChannelLabel.objects.order_by("generation").values_list("deleted_at", flat=True)
    assert list(ends) == [minutes(3), minutes(6), None]


@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_16_a_rename_is_the_same_label_with_another_meaning_from_then_on(gateway: str) -> None:
    number = Number(gateway)
    number.hear(number.say.label_saved("7", name="Grade A", color=2, at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.hear(number.say.label_saved("7", name="Lunas", at=minutes(5)))
    number.drain()
    assert number.spans() == [(minutes(1), None)]
    assert (only_label().generation, only_label().name, only_label().color) == (1, "Lunas", 2)
    meanings = ChannelLabelMeaning.objects.order_by("id").values_list("label__name", "name", "since")
    assert list(meanings) == [("Grade A", "Grade A", None), ("Selesai", "Lunas", minutes(5))]


@pytest.mark.parametrize("together", [True, False])
def test_case_16_an_interval_keeps_the_name_it_had_when_it_ended(
    together: bool,
) -> None:
    """Also when the later rename arrived before the removal."""
    number = Number("gowa")
    number.hear(number.say.label_saved("7", name="Grade A", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.hear(number.say.label_saved("7", name="Lunas", at=minutes(9)))
    if not together:
        number.drain()
    number.label(BUDI, "7", minutes(5), on=False)
    number.drain()
    row = LabelAssignment.objects.select_related("label").get()
    assert (row.removed_at, row.channel_label_name, row.label.name) == (minutes(5), "Grade A", "Grade A")


def test_case_16_the_latest_rename_wins_whatever_came_last() -> None:
    number = Number("gowa")
    number.take(number.say.label_saved("7", name="Grade A", at=minutes(5)))
    number.take(number.say.label_saved("7", name="Hot", at=minutes(1)))
    assert only_label().name == "Grade A"
    names = ChannelLabelMeaning.objects.order_by("id").values_list("name", "since")
    assert list(names) == [("Hot", None), ("Grade A", minutes(5))]


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=repr)
def test_case_17_a_strange_name_is_stored_exactly_and_compared_plainly(name: str) -> None:
    number = Number("waha")
    number.hear(number.say.label_saved("7", name=name, at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.drain()
    label = only_label()
    assert (label.name, LabelAssignment.objects.get().channel_label_name) == (name, name)
    assert normalize(label.label.name) == normalize(name) or label.label.aliases.filter(normalized=normalize(name))
    assert InboundEvent.objects.filter(state="applied").count() == 2


COLOURS = [
    (13, 13), ("13", 13), (0, 0), (19, 19), (25, None), (-1, None), (None, None), ("hitam", None), (True, None),
    (1.5, None), ("", None), ([], None), ({}, None), (10**30, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("colour", "gateway"), crossed(COLOURS, ("waha", "gowa", "wuzapi", "evolution", "generic")), ids=repr
)
def test_case_19_a_colour_is_an_index_or_not_known(colour: tuple[Any, int | None], gateway: str) -> None:
    told, index = colour
    number = Number(gateway)

    def paint(content: Any) -> None:
        for place in _places_of_a_colour(content):
            place.pop("colorHex", None)
            place["color"] = told

    number.take(number.edited(number.say.label_saved("7", name="Promo", color=5, at=minutes(0)), paint))
    assert (only_label().name, only_label().color) == ("Promo", index)


def _places_of_a_colour(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return ([value] if "color" in value else []) + [
        place for item in value.values() for place in _places_of_a_colour(item)
    ]


def test_case_19_wuzapis_zero_without_a_colour_in_the_action_is_not_known() -> None:
    number = Number("wuzapi")
    number.take(number.say.label_saved("7", name="Promo", at=minutes(0)))
    assert only_label().color is None
    number.take(number.say.label_saved("7", color=0, at=minutes(1)))
    assert (only_label().name, only_label().color) == ("Promo", 0)


@pytest.mark.parametrize("gateway", WITH_DEFINITIONS)
def test_case_19_an_edit_says_only_what_it_carries(gateway: str) -> None:
    """GOWA, Evolution and Wuzapi leave out what did not change."""
    number = Number(gateway)
    number.take(number.say.label_saved("7", name="Promo", color=5, at=minutes(0)))
    number.take(number.say.label_saved("7", color=9, at=minutes(1)))
    assert (only_label().name, only_label().color) == ("Promo", 9)
    number.take(number.say.label_saved("7", name="Hot", at=minutes(2)))
    assert (only_label().name, only_label().color, only_label().is_placeholder) == ("Hot", 9, False)


def test_case_20_a_label_id_is_a_text() -> None:
    number = Number("waha")
    for n, label_id in enumerate((21, "21", " 21 ", "021", "21.0")):
        told = {"labelId": label_id, "chatId": f"{phone(n)}@c.us", "label": None}
        number.hear(number.say.event("label.chat.added", told, at=minutes(n + 1)))
    number.drain()
    ids = [label_id for _, label_id, *_ in number.intervals()]
    assert ids == ["21", "21", "21", "021", "21.0"]
    assert ChannelLabel.objects.count() == 3


def test_case_22_a_labelled_message_of_wuzapi_says_nothing_about_its_chat() -> None:
    number = Number("wuzapi-form")
    number.take(number.say.label_on_message(BUDI, "7", "3EB0AA", on=True, at=minutes(1)))
    assert reasons() == [("ignored", "message_label")]
    assert not LabelEvent.objects.exists()
    assert not ChannelLabel.objects.exists()


def test_case_22_evolution_cannot_tell_a_labelled_message_so_it_counts_for_the_chat() -> None:
    number = Number("evolution")
    number.label(BUDI, "7", minutes(1))
    number.drain()
    assert number.spans() == [(minutes(1), None)]


@pytest.mark.parametrize("type_first", [True, False])
@pytest.mark.parametrize("list_type", SYSTEM_LISTS)
def test_case_23_a_system_list_of_gowa_counts_nowhere(list_type: str, type_first: bool) -> None:
    number = Number("gowa")
    named = number.say.label_saved("3", name="Favorit", type=list_type, at=minutes(0))
    if type_first:
        number.take(named)
    number.label(BUDI, "3", minutes(1))
    number.label(SITI, "4", minutes(1))
    number.drain()
    if not type_first:
        number.take(named)
    assert ChannelLabel.objects.get(external_id="3").hidden
    assert [row.channel_label.external_id for row in LabelAssignment.objects.active()] == ["4"]
    assert LabelSpell.objects.count() == 1
    assert sum(LabelDay.objects.filter(scope=0).values_list("added", flat=True)) == 1
    assert not Label.objects.filter(name="Favorit").exists()
    number.label(BUDI, "3", minutes(9), on=False)
    number.drain()
    assert LabelSpell.objects.count() == 1


@pytest.mark.parametrize("list_type", LISTS_OF_PEOPLE)
def test_case_23_a_list_that_people_made_is_a_label(list_type: str | None) -> None:
    number = Number("gowa")
    more = {"type": list_type} if list_type else {}
    number.hear(number.say.label_saved("3", name="Hot", at=minutes(0), **more))
    number.label(BUDI, "3", minutes(1))
    number.drain()
    assert not ChannelLabel.objects.get().hidden
    assert LabelSpell.objects.count() == 1


@pytest.mark.parametrize(("word", "number_of_list"), LIST_NUMBERS.items())
def test_case_23_wuzapi_tells_the_list_type_as_a_number(word: str, number_of_list: int) -> None:
    number = Number("wuzapi")
    number.take(number.say.label_saved("3", name="Daftar", at=minutes(0), type=number_of_list))
    assert ChannelLabel.objects.get().list_type == word.lower()
    assert ChannelLabel.objects.get().hidden is (word in SYSTEM_LISTS)


def test_case_23_an_edit_without_a_type_does_not_unhide_a_system_list() -> None:
    number = Number("gowa")
    number.hear(number.say.label_saved("3", name="Favorites", type="FAVORITES", at=minutes(0)))
    number.hear(number.say.label_saved("3", name="Favorit", at=minutes(1)))
    number.label(BUDI, "3", minutes(2))
    number.drain()
    assert ChannelLabel.objects.get().hidden
    assert not LabelSpell.objects.exists()


def meant() -> list[tuple[str, Any]]:
    """(canonical label, since) of the only label, in order."""
    order = F("since").asc(nulls_first=True)
    return list(ChannelLabelMeaning.objects.order_by(order).values_list("label__name", "since"))


def test_case_16_a_meaning_set_from_a_date_on_leaves_the_time_before_it() -> None:
    """A person's decision stands in its place among the renames that arrive later."""
    number = Number("gowa")
    number.hear(number.say.label_saved("7", name="Grade A", at=minutes(0)))
    number.label(BUDI, "7", minutes(1))
    number.drain()
    remap_now(channel_label=only_label(), label=Label.objects.get(name="Grade B"), since=minutes(5), actor=None)
    number.take(number.say.label_saved("7", name="Lunas", at=minutes(9)))
    number.take(number.say.label_saved("7", color=3, at=minutes(10)))
    number.take(number.say.label_saved("7", name="Hot", at=minutes(11)))
    assert meant() == [
        ("Grade A", None),
        ("Grade B", minutes(5)),
        ("Selesai", minutes(9)),
        ("Prospek panas", minutes(11)),
    ]


def test_case_16_an_older_name_that_comes_after_a_persons_decision_changes_nothing() -> None:
    number = Number("gowa")
    number.hear(number.say.label_saved("7", name="Hot", at=minutes(5)))
    number.label(BUDI, "7", minutes(6))
    number.drain()
    remap_now(channel_label=only_label(), label=Label.objects.get(name="Grade A"), since=None, actor=None)
    number.take(number.say.label_saved("7", name="Promo", at=minutes(3)))
    assert (only_label().name, only_label().label.name) == ("Hot", "Grade A")
    assert meant() == [("Grade A", None)]
