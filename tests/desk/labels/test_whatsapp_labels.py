"""The mapping page: what the labels of each number mean, decided in the row."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from desk.labels import mapping
from labelcrm.core.models import AuditEntry, Job
from labels.models import Category, ChannelLabel, Label, LabelAlias
from labels.rules.naming import normalize
from tests.desk.conftest import Shop
from tests.work import do_work

LIST = "/admin/labels/channellabel/"
SORT, ACCEPT, UNDO = (f"{LIST}{action}/" for action in ("sort", "accept", "undo"))
FETCHED = {"X-Requested-With": "fetch"}
ClientOf = Callable[..., Client]


def rows(response: Any, section: str = "rows") -> list[Any]:
    return list(response.context[section])


def names(response: Any) -> set[str]:
    return {row.group.name for section in ("rows", "sorted_rows") for row in rows(response, section)}


def unsorted(shop: Shop, name: str = "Titip dulu", contacts: int = 0, **values: Any) -> ChannelLabel:
    """A WhatsApp label whose name nobody has looked at, as the drain leaves it, on so many contacts."""
    label, _ = Label.objects.get_or_create(name=name, defaults={"reviewed": False})
    LabelAlias.objects.get_or_create(normalized=normalize(name), defaults={"label": label, "text": name})
    row = shop.whatsapp_label(name, **values)
    for _n in range(contacts):
        shop.put(shop.contact(), row)
    return row


def label(name: str) -> Label:
    return Label.objects.get(name=name)


def means(row: ChannelLabel) -> str:
    row.refresh_from_db()
    return row.label.name


# -- What is shown ----------------------------------------------------------------------------------------------------


def test_system_lists_and_deleted_labels_are_shown_only_when_asked_for(client_of: ClientOf, shop: Shop) -> None:
    shop.whatsapp_label("Grade A")
    shop.whatsapp_label("Favorit", label="Grade A", hidden=True)
    shop.whatsapp_label("Arisan", label="Grade A", hidden=True, ignored=True)
    shop.whatsapp_label("Lama", label="Grade A", deleted_at="2026-03-02T03:00Z")
    unsorted(shop)
    shop.whatsapp_label("Label 9", label="Grade A", is_placeholder=True)
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST)) == {"Grade A", "Titip dulu", "Label 9"}
    for state, found in {
        "undecided": {"Titip dulu"},
        "placeholder": {"Label 9"},
        "sorted": {"Grade A", "Label 9"},
        "ignored": {"Arisan"},
        "deleted": {"Lama"},
        "system": {"Favorit"},
        "x": {"Grade A", "Titip dulu", "Label 9"},
    }.items():
        assert names(client.get(LIST, {"state": state})) == found, state
    assert names(client.get(LIST, {"q": "titip"})) == {"Titip dulu"}
    assert names(client.get(LIST, {"channel": shop.channel.pk + 1})) == set()


def test_each_team_maps_its_own_numbers(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    shop.whatsapp_label("Grade A")
    foreign = other_shop.whatsapp_label("Grade B")
    client = client_of("cs_lead", shop)
    assert names(client.get(LIST)) == {"Grade A"}
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302
    assert client.post(SORT, {"row": foreign.pk, "means": label("Selesai").pk}).status_code == 404
    client.post(ACCEPT, {"pair": f"{foreign.pk}:{label('Grade B').pk}"})
    assert not Job.objects.exists()


def test_what_needs_a_decision_comes_first_and_most_used_before(client_of: ClientOf, shop: Shop) -> None:
    shop.whatsapp_label("Grade A")
    unsorted(shop, "Jarang", contacts=1)
    unsorted(shop, "Sering", contacts=3)
    page = client_of("cs_lead", shop).get(LIST)
    assert [row.group.name for row in rows(page)] == ["Sering", "Jarang"]
    [first, _] = rows(page)
    assert (first.group.contacts, first.group.agents) == (3, [("CS Rina", 3)])
    assert [row.group.name for row in rows(page, "sorted_rows")] == ["Grade A"]


def test_a_contact_counts_once_on_however_many_numbers_and_not_when_archived(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    both = [unsorted(shop, contacts=1), unsorted(other_shop, "TITIP dulu", label="Titip dulu", contacts=1)]
    alone = unsorted(shop, "Jarang", contacts=1)
    on_both, archived = shop.contact(), shop.contact()
    for row in both:
        other_shop.put(on_both, row) if row.channel == other_shop.channel else shop.put(on_both, row)
    for row in (both[0], alone):
        shop.put(archived, row)
    archived.delete()
    page = client_of("cs_lead", shop, other_shop).get(LIST)
    assert {row.group.name: row.group.contacts for row in rows(page)} == {"TITIP dulu": 3, "Jarang": 1}
    assert sorted(count for _, count in rows(page)[0].group.agents) == [2, 2]


def test_a_row_says_its_suggestion_how_sure_and_why(client_of: ClientOf, shop: Shop) -> None:
    for name in ("Panas bulan ini", "Nunggu TF", "Reseller"):
        unsorted(shop, name, color=14)
    page = client_of("cs_lead", shop).get(LIST)
    waiting = str(label("Menunggu pembayaran").pk)
    with translation.override("en"):
        found = {row.group.name: (str(row.offered), str(row.sure), row.why, row.chosen) for row in rows(page)}
    assert found == {
        "Panas bulan ini": ("Hot prospect", "likely", "“panas” is in the name", str(label("Prospek panas").pk)),
        "Nunggu TF": ("Waiting payment", "certain", "short for “menunggu transfer”", waiting),
        "Reseller": ("Loyal customer", "only a guess", "blue usually means this", ""),
    }  # fmt: skip


def test_the_page_asks_the_same_number_of_queries_for_any_number_of_rows(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(LIST)
        return len(captured)

    unsorted(shop, "Satu", contacts=1)
    shop.whatsapp_label("Grade A")
    few = queries()
    for name in "Dua", "Tiga", "Empat", "Lima":
        unsorted(shop, name, contacts=2)
        shop.whatsapp_label(name)
    assert queries() == few


# -- Deciding ---------------------------------------------------------------------------------------------------------


def test_a_saved_row_says_what_it_did_and_can_be_taken_back(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, contacts=2)
    client = client_of("cs_lead", shop)
    asked = {"row": row.pk, "means": label("Menunggu pembayaran").pk}
    answer = client.post(SORT, asked, headers=FETCHED).content.decode()
    assert "2 contacts now count as Waiting payment." in answer
    assert 'data-left="0"' in answer
    assert means(row) == "Menunggu pembayaran"
    meaning = row.meanings.get()
    assert (meaning.since, meaning.decided_by) == (None, client.user)  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(action="label.remapped", object_id=row.pk).exists()
    [batch] = re.findall(r'name="batch" value="(\w+)"', answer)
    back = client.post(UNDO, {"row": row.pk, "batch": batch}, headers=FETCHED).content.decode()
    assert means(row) == "Titip dulu"
    assert "Taken back." in back
    assert 'name="means"' in back
    again = client.post(UNDO, {"row": row.pk, "batch": "x" * 32}, headers=FETCHED).content.decode()
    assert "nothing to take back" in again


def test_many_contacts_follow_after_the_answer_but_it_is_decided_at_once(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "MANY", 1)
    row = unsorted(shop, contacts=2)
    asked = {"row": row.pk, "means": label("Menunggu pembayaran").pk}
    answer = client_of("cs_lead", shop).post(SORT, asked, headers=FETCHED).content.decode()
    assert "2 contacts are being counted as Waiting payment; “Work” says how far that is." in answer
    assert means(row) == "Menunggu pembayaran"
    job = Job.objects.get(kind="labels.remap")
    assert (job.state, job.progress, job.total) == ("running", 0, 2)
    do_work()
    job.refresh_from_db()
    assert (job.state, job.progress) == ("done", 2)


def test_without_javascript_the_form_leads_back_with_the_same_words(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, contacts=1)
    client = client_of("cs_lead", shop)
    asked = {"row": row.pk, "means": label("Selesai").pk}
    page = client.post(f"{SORT}?state=undecided", asked, follow=True)
    assert page.redirect_chain[-1][0].startswith(f"{LIST}?state=undecided&undo=")
    assert "1 contact now counts as Done." in page.content.decode()
    client.post(UNDO, {"batch": page.context["undo"]["batch"]})
    assert means(row) == "Titip dulu"


def test_nobody_takes_back_what_another_person_decided_a_moment_ago(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop)
    page = client_of("cs_lead", shop).post(SORT, {"row": row.pk, "means": label("Selesai").pk}, follow=True)
    client_of("cs_lead", shop).post(UNDO, {"batch": page.context["undo"]["batch"]})
    do_work()
    assert means(row) == "Selesai"


def test_one_name_on_several_numbers_is_decided_once(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    both = [unsorted(shop, contacts=1), unsorted(other_shop, "TITIP dulu", label="Titip dulu", contacts=2)]
    client = client_of("cs_lead", shop, other_shop)
    page = client.get(LIST)
    [shown] = rows(page)
    assert (shown.group.numbers, shown.group.contacts) == (2, 3)
    assert "For all 2 numbers" in page.content.decode()
    assert page.content.decode().count('name="on"') == 2
    asked = {"row": [row.pk for row in both], "several": "1", "means": label("Selesai").pk}
    only_one = client.post(SORT, asked | {"on": [both[0].pk]}, headers=FETCHED).content.decode()
    assert [means(row) for row in both] == ["Selesai", "Titip dulu"]
    assert "Number Budi" in only_one, "what was left out waits for its own decision"
    assert "Choose at least one number." in client.post(SORT, asked, headers=FETCHED).content.decode()
    client.post(SORT, asked | {"on": [row.pk for row in both]}, headers=FETCHED)
    assert [means(row) for row in both] == ["Selesai", "Selesai"]


def test_a_label_that_is_not_counted_is_found_and_counted_again(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, contacts=1)
    client = client_of("cs_lead", shop)
    said = client.post(SORT, {"row": row.pk, "means": "none"}, headers=FETCHED).content.decode()
    assert "Not counted any more, on 1 contact." in said
    assert names(client.get(LIST)) == set()
    [shown] = rows(client.get(LIST, {"state": "ignored"}), "sorted_rows")
    assert shown.chosen == "none"
    client.post(SORT, {"row": row.pk, "means": label("Selesai").pk}, headers=FETCHED)
    assert names(client.get(LIST)) == {"Titip dulu"}


def test_a_new_label_takes_the_place_of_the_one_its_name_made(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, contacts=1)
    client = client_of("cs_lead", shop)
    asked = {"row": row.pk, "means": "new", "name": "Titipan"}
    assert "Choose the category" in client.post(SORT, asked, headers=FETCHED).content.decode()
    asked["category"] = Category.objects.get(code="lead").pk
    answer = client.post(SORT, asked, headers=FETCHED).content.decode()
    assert "1 contact now counts as Titipan." in answer
    made = label("Titipan")
    assert (means(row), made.reviewed, made.category.code) == ("Titipan", True, "lead")
    assert not Job.objects.exists(), "nobody's labels change"
    client.post(UNDO, {"adopted": made.pk})
    assert rows(client.get(LIST))[0].group.first.label == made


def test_a_new_label_for_one_of_two_numbers_is_another_one(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    one, other = unsorted(shop), unsorted(other_shop)
    client = client_of("cs_lead", shop, other_shop)
    asked = {"row": [one.pk, other.pk], "several": "1", "on": one.pk, "means": "new"}
    asked["category"] = Category.objects.get(code="lead").pk
    refused = client.post(SORT, asked | {"name": "Titip dulu"}, headers=FETCHED).content.decode()
    assert "already" in refused
    client.post(SORT, asked | {"name": "Titipan"}, headers=FETCHED)
    assert (means(one), means(other)) == ("Titipan", "Titip dulu")


def test_a_label_that_had_a_meaning_can_have_another_from_today_on(client_of: ClientOf, shop: Shop) -> None:
    row = shop.whatsapp_label("Grade A")
    client = client_of("cs_lead", shop)
    assert 'name="holds"' in client.get(LIST).content.decode()
    asked = {"row": row.pk, "means": label("Grade B").pk}
    same = client.post(SORT, asked | {"means": row.label_id, "holds": "always"}, headers=FETCHED).content.decode()
    assert "Nothing changed." in same
    client.post(SORT, asked | {"holds": "from"}, headers=FETCHED)
    before, after = row.meanings.all()
    assert (before.label.name, after.label.name) == ("Grade A", "Grade B")
    assert after.since is not None
    assert (after.since.hour, after.since.minute) == (17, 0), "midnight in Jakarta"


def test_a_placeholder_is_given_its_name_in_its_row(client_of: ClientOf, shop: Shop) -> None:
    row = unsorted(shop, "Label 9 (Number Rina)", is_placeholder=True)
    client = client_of("cs_lead", shop)
    assert "Choose what it means." in client.post(SORT, {"row": row.pk}, headers=FETCHED).content.decode()
    said = client.post(SORT, {"row": row.pk, "called": "Grade A"}, headers=FETCHED).content.decode()
    assert "Named “Grade A”." in said
    row.refresh_from_db()
    assert (row.name, row.label.name, row.is_placeholder) == ("Grade A", "Grade A", False)


# -- Everything that is certain ---------------------------------------------------------------------------------------


def test_everything_certain_is_accepted_at_once_and_taken_back(client_of: ClientOf, shop: Shop) -> None:
    certain = [unsorted(shop, "Nunggu TF", contacts=2), unsorted(shop, "GradeA", contacts=1)]
    shop.put(certain[0].assignments.earliest("id").contact, certain[1])  # one contact has both
    likely = unsorted(shop, "Panas bulan ini")
    client = client_of("cs_lead", shop)
    page = client.get(LIST)
    assert (page.context["certain"]["names"], page.context["certain"]["contacts"]) == (2, 3)
    pairs = re.findall(r'name="pair" value="([\d:]+)"', page.content.decode())
    said = client.post(ACCEPT, {"pair": pairs}, follow=True)
    assert "2 WhatsApp labels mapped." in said.content.decode()
    assert [means(row) for row in (*certain, likely)] == ["Menunggu pembayaran", "Grade A", "Panas bulan ini"]
    assert said.context["undo"]["n"] == 2
    client.post(UNDO, {"batch": said.context["undo"]["batch"]})
    assert [means(row) for row in certain] == ["Nunggu TF", "GradeA"]


def test_only_what_was_shown_and_still_is_certain_is_accepted(client_of: ClientOf, shop: Shop) -> None:
    row, other = unsorted(shop, "Nunggu TF"), unsorted(shop, "GradeA")
    client = client_of("cs_lead", shop)
    client.post(ACCEPT, {"pair": [f"{row.pk}:{label('Selesai').pk}", f"{other.pk}:{label('Grade A').pk}"]})
    assert (means(row), means(other)) == ("Nunggu TF", "Grade A")
    said = client.post(ACCEPT, {"pair": [f"{other.pk}:{label('Grade A').pk}"]}, follow=True).content.decode()
    assert "nothing certain to accept" in said


# -- The page of one label, and rights --------------------------------------------------------------------------------


def test_a_person_says_it_always_meant_this(client_of: ClientOf, shop: Shop) -> None:
    row, waiting = unsorted(shop), label("Menunggu pembayaran")
    client = client_of("cs_lead", shop)
    client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "always"})
    assert "is given another meaning" in client.get(LIST, {"state": "sorted"}).content.decode()
    do_work()
    assert "is given another meaning" not in client.get(LIST).content.decode()
    assert row.meanings.get().label == waiting


def test_a_person_says_from_which_day_on(client_of: ClientOf, shop: Shop) -> None:
    row, waiting = unsorted(shop), label("Menunggu pembayaran")
    client = client_of("cs_lead", shop)
    missing = client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "from"})
    assert "Say from which day on." in missing.content.decode()
    client.post(f"{LIST}{row.pk}/change/", {"means": waiting.pk, "holds": "from", "since": "2026-03-10"})
    do_work()
    before, after = row.meanings.all()
    assert before.label.name == "Titip dulu"
    assert after.label == waiting
    assert after.since.isoformat() == "2026-03-09T17:00:00+00:00"  # midnight in Jakarta


@pytest.mark.parametrize("role", ["cs", "analyst"])
def test_who_may_only_look_gets_no_form_and_no_answer(client_of: ClientOf, shop: Shop, role: str) -> None:
    row = unsorted(shop, "Nunggu TF")
    client = client_of(role, shop)
    page = client.get(LIST).content.decode()
    assert "Nunggu TF" in page
    assert 'name="means"' not in page
    assert client.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert client.post(f"{LIST}{row.pk}/change/", {"means": row.label_id, "holds": "always"}).status_code == 403
    waiting = label("Menunggu pembayaran").pk
    for address, asked in {
        SORT: {"row": row.pk, "means": waiting},
        ACCEPT: {"pair": f"{row.pk}:{waiting}"},
        UNDO: {"adopted": waiting},
    }.items():
        assert client.post(address, asked).status_code == 403, address
    assert not Job.objects.exists()
