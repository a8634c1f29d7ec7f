"""Suggestions on pages: the contact's, the list of those never labelled, the words, and what models are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from labelcrm.core.models import AuditEntry, Job
from labels import jobs
from labels.jobs import TRAIN
from labels.models import Label, LabelAssignment, LabelTextModel, LabelWord, SuggestionDismissal, SuggestionTraining
from labels.services import text_fitting
from tests.desk.conftest import Shop
from tests.factories import THEN

ClientOf = Callable[..., Client]
URL = "/admin/suggestions/"
WORDS = "/admin/labels/labelword/"


@pytest.fixture(autouse=True)
def _the_same_day() -> Iterator[None]:
    with time_machine.travel(THEN + timedelta(hours=5), tick=False):
        yield


def page(contact: Any) -> str:
    return f"/admin/contacts/contact/{contact.pk}/"


def answer(client: Client, contact: Any, do: str, **values: Any) -> Any:
    label = Label.objects.get(name="Menunggu pembayaran")
    return client.post(f"{page(contact)}suggestion/", {"do": do, "label": label.pk, **values}, follow=True)


def test_the_contact_page_suggests_with_its_reason(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "kak minta <i>norek</i> dong", minute=12)
    html = client_of("cs", shop).get(page(contact)).content.decode()
    assert "certain · “norek” in the message of 10:12" in html
    assert "Put it on in WhatsApp" in html
    assert "Set “Waiting payment” here" in html


def test_who_may_not_change_a_contact_reads_it_and_answers_nothing(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "minta norek")
    client = client_of("auditor")
    html = client.get(page(contact)).content.decode()
    assert "“norek”" in html
    assert "Dismiss" not in html
    assert answer(client, contact, "set").status_code == 403
    assert answer(client, contact, "dismiss", until=THEN.isoformat()).status_code == 403
    assert not LabelAssignment.objects.exists()


def test_another_team_finds_no_such_contact(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "minta norek")
    assert answer(client_of("cs_lead", other_shop), contact, "set").status_code == 404


def test_set_here_and_taken_off_again(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "minta norek")
    client = client_of("cs", shop)
    said = answer(client, contact, "set").content.decode()
    assert "“Waiting payment” is set here. WhatsApp does not know of it." in said
    assert "Take off" in said
    assert "Suggested:" not in said
    with time_machine.travel(THEN + timedelta(hours=6)):
        assert "“Waiting payment” is taken off." in answer(client, contact, "take_off").content.decode()
    assert not LabelAssignment.objects.filter(removed_at=None).exists()


def test_a_dismissed_suggestion_is_gone(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    message = shop.say(contact, "minta norek", minute=5)
    html = answer(client_of("cs", shop), contact, "dismiss", until=message.at.isoformat()).content.decode()
    assert "Dismissed." in html
    assert "Suggested:" not in html
    assert SuggestionDismissal.objects.get().until == message.at


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"do": "dismiss"}, 400), ({"do": "dismiss", "until": "²"}, 400), ({"do": "erase"}, 400), ({}, 400),
        ({"do": "set", "label": "²"}, 404), ({"do": "set", "label": "99999999"}, 404),
    ],
)  # fmt: skip
def test_no_answer_is_refused(client_of: ClientOf, shop: Shop, values: dict[str, str], status: int) -> None:
    contact = shop.contact()
    label = Label.objects.get(name="Selesai")
    response = client_of("cs", shop).post(f"{page(contact)}suggestion/", {"label": label.pk, **values})
    assert response.status_code == status


def test_the_list_of_never_labelled_contacts_suggests(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(first_inbound_at=THEN)
    shop.say(contact, "kak minta norek")
    client = client_of("cs", shop)
    html = client.get("/admin/contacts/contact/", {"never_labelled": "1"}).content.decode()
    assert "Suggested: Waiting payment" in html
    assert "“norek” in the message of 10:00" in html
    assert "Suggested:" not in client.get("/admin/contacts/contact/").content.decode()


# -- The page of suggestions ------------------------------------------------------------------------------------------


def test_a_message_is_tried_and_kept_nowhere(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    html = client.post(URL, {"text": "belum tf kak, minta norek"}).content.decode()
    assert "“norek”" in html
    assert "Nothing is suggested" in client.post(URL, {"text": "selamat pagi"}).content.decode()
    assert client.post(URL, {"text": "\u200b\u202e" * 100_000}).status_code == 200
    assert not AuditEntry.objects.filter(details__icontains="norek").exists()


@pytest.fixture
def trained(db: None) -> None:
    training = SuggestionTraining.objects.create(
        trained_at=THEN, learned_from=3480, held_back=902, held_back_from=THEN - timedelta(days=9), terms=228
    )
    LabelTextModel.objects.create(
        training=training, label=Label.objects.get(name="Selesai"), weights={}, digest="", used=True, labelled=1150,
        words_said=1000, words_right=800, model_said=1140, model_right=1100,
    )  # fmt: skip


@pytest.mark.usefixtures("trained")
def test_the_figures_stand_with_their_intervals(client_of: ClientOf, shop: Shop) -> None:
    response = client_of("owner").get(URL)
    [line] = response.context["lines"]
    assert line.words_right == ("80% (77–82)", "800 of 1,000")
    assert line.model_found == ("96% (94–97)", "1,100 of 1,150")
    html = response.content.decode()
    assert "words and model" in html
    assert "from 3,480 labelled chats" in html


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("role", ["cs", "cs_lead"])
def test_shares_are_told_to_a_team_and_no_counts_of_all_teams(client_of: ClientOf, shop: Shop, role: str) -> None:
    html = client_of(role, shop).get(URL).content.decode()
    assert "80% (77–82)" in html
    assert "labelled chats of all teams" in html
    assert not [count for count in ("3,480", "1,150", "1,000", "1,140", "1,100") if count in html]


def test_how_many_chats_are_too_few_is_told_to_who_sees_all_teams(client_of: ClientOf, shop: Shop) -> None:
    result = {"state": jobs.FEW, "chats": 77}
    Job.objects.create(kind=TRAIN.name, state=Job.State.DONE, result=result)
    assert "to learn from: 77, and it takes" in client_of("owner").get(URL).content.decode()
    assert "to learn from: it takes" in client_of("cs", shop).get(URL).content.decode()


def test_without_the_library_the_page_says_so_in_one_sentence(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_fitting, "is_installed", lambda: False)
    html = client_of("cs_lead", shop).get(URL).content.decode()
    assert "scikit-learn is not installed here: labels are suggested by words alone." in html
    assert "Learn now" not in html


def test_a_lead_starts_learning_and_a_cs_may_not(client_of: ClientOf, shop: Shop) -> None:
    assert client_of("cs", shop).post(f"{URL}train/").status_code == 403
    assert not Job.objects.filter(kind=TRAIN.name).exists()
    client_of("cs_lead", shop).post(f"{URL}train/")
    assert Job.objects.filter(kind=TRAIN.name).count() == 1


def test_a_lead_adds_a_word_and_is_told_what_is_wrong_with_one(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("cs_lead", shop)
    values = {"label": Label.objects.get(name="Selesai").pk, "side": "customer", "sure": "likely"}
    client.post(f"{WORDS}add/", {**values, "phrase": "sudah masuk ya kak"})
    assert LabelWord.objects.get(phrase="sudah masuk ya kak").key == "sudah masuk"
    html = client.post(f"{WORDS}add/", {**values, "phrase": "No. Rek!"}).content.decode()
    assert "“nomor rekening” tells “Waiting payment” already." in html
    assert client_of("cs", shop).post(f"{WORDS}add/", {**values, "phrase": "mantap"}).status_code == 403
