"""Suggestions from the database: whose messages count, who sees them, what people answer. Nothing sets itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone, translation

from contacts.models import Contact, ContactChannel
from contacts.selectors.viewing import viewer_of
from labelcrm.core.models import AuditEntry
from labelcrm.core.viewer import Viewer
from labels.jobs import rebuild
from labels.models import Label, LabelAssignment, LabelEvent, LabelSpell, LabelTextModel, LabelWord, SuggestionTraining
from labels.rules.text_model import TextWeights, pack
from labels.selectors.suggestions import LabelSuggestion, suggest_for_text, suggestions_for
from labels.services import archiving, suggestions
from labels.services.merging import merge, unmerge
from tests.desk.conftest import Shop
from tests.factories import THEN, UserFactory
from tests.work import do_work

pytestmark = pytest.mark.django_db
EVERYTHING = Viewer(everything=True, language="en")


@pytest.fixture(autouse=True)
def _the_same_day() -> Iterator[None]:
    with time_machine.travel(THEN + timedelta(hours=5), tick=False), translation.override("en"):
        yield


def suggested(contact: Contact, viewer: Viewer = EVERYTHING) -> LabelSuggestion | None:
    return suggestions_for([contact.pk], viewer).get(contact.pk)


def named(contact: Contact, viewer: Viewer = EVERYTHING) -> str | None:
    found = suggested(contact, viewer)
    return found.label.name_en if found else None


def label(name: str) -> Label:
    return Label.objects.get(name_en=name)


def test_the_reason_quotes_the_words_and_names_the_message(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "kak minta norek dong", minute=12)
    found = suggested(contact)
    assert found is not None
    assert (found.title, found.sureness) == ("Waiting payment", "certain")
    assert found.reason == "“norek” in the message of 10:12"
    with time_machine.travel(THEN + timedelta(days=2)):
        [found] = suggestions_for([contact.pk], EVERYTHING).values()
        assert found.reason == "“norek” in the message of 2 Mar, 10:12"


def test_our_own_words_say_so(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "Ini invoicenya kak", from_me=True)
    found = suggested(contact)
    assert found is not None
    assert found.reason == "“invoicenya” in our message of 10:00"


def test_what_is_old_or_counted_nowhere_asks_for_nothing(shop: Shop) -> None:
    contact, unknown = shop.contact(), shop.contact()
    shop.say(contact, "minta norek")
    message = shop.say(unknown, "minta norek")
    message.kind = "unknown"
    message.save()
    assert named(unknown) is None
    assert suggestions_for([contact.pk], EVERYTHING, now=THEN + timedelta(days=29))
    assert not suggestions_for([contact.pk], EVERYTHING, now=THEN + timedelta(days=31))


def test_labels_that_are_on_and_archived_contacts_have_none(shop: Shop) -> None:
    contact, gone = shop.contact(), shop.contact()
    for each in (contact, gone):
        shop.say(each, "minta norek", minute=3)
    assert named(contact) == "Waiting payment"
    shop.put(contact, shop.whatsapp_label("Menunggu pembayaran"))
    assert named(contact) is None
    archiving.archive_contact(gone, actor=None, origin="test")
    assert named(gone) is None


def test_whoever_bought_may_have_a_new_order(shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Selesai"))
    shop.say(contact, "kak harga 2 lusin brp?", minute=60)
    found = suggested(contact)
    assert found is not None
    assert (found.title, found.is_new_order) == ("New order?", True)


def test_each_sees_what_their_own_numbers_say(shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact()
    ContactChannel.objects.create(contact=contact, channel=other_shop.channel, first_seen_at=THEN)
    shop.say(contact, "minta norek", minute=1)
    other_shop.say(contact, "harga brp", minute=2)
    theirs, others = (viewer_of(UserFactory(role="cs_lead", teams=[each.team])) for each in (shop, other_shop))
    assert (named(contact, theirs), named(contact, others)) == ("Waiting payment", "New inquiry")
    alone = shop.contact()
    shop.say(alone, "minta norek", minute=3)
    assert named(alone, others) is None
    assert named(alone, viewer_of(UserFactory(role="cs_lead"))) is None


def test_any_number_of_contacts_takes_two_queries(shop: Shop, django_assert_num_queries: Any) -> None:
    contacts = [shop.contact() for _ in range(30)]
    for contact in contacts:
        shop.say(contact, "minta norek")
    viewer = viewer_of(UserFactory(role="cs_lead", teams=[shop.team]))
    with django_assert_num_queries(2):
        assert len(suggestions_for([contact.pk for contact in contacts], viewer)) == 30
    with django_assert_num_queries(0):
        assert suggestions_for([], viewer) == {}


def test_looking_writes_nothing_and_sets_no_label(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "sudah tf ya kak")
    before = [model.objects.count() for model in (LabelAssignment, LabelEvent, LabelSpell, AuditEntry)]
    with connection.execute_wrapper(_refuse_writes):
        assert named(contact) == "Done"
        assert suggest_for_text("minta norek") is not None
    assert [model.objects.count() for model in (LabelAssignment, LabelEvent, LabelSpell, AuditEntry)] == before


def _refuse_writes(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    assert sql.lstrip("( ").upper().startswith(("SELECT", "WITH")), sql
    return execute(sql, params, many, context)


# -- Answers ----------------------------------------------------------------------------------------------------------


def test_a_dismissed_suggestion_comes_again_with_the_next_message_that_asks_for_it(shop: Shop) -> None:
    contact, user = shop.contact(), UserFactory(role="cs", teams=[shop.team])
    shop.say(contact, "minta norek", minute=1)
    found = suggested(contact)
    assert found is not None
    suggestions.dismiss(contact, found.label, until=found.at, actor=user)
    assert named(contact) is None
    shop.say(contact, "halo?", minute=2)
    assert named(contact) is None
    shop.say(contact, "norek nya kak", minute=3)
    assert named(contact) == "Waiting payment"
    entry = AuditEntry.objects.get(action="suggestion.dismissed")
    assert (entry.actor, entry.object_id) == (user, contact.pk)


def test_a_label_set_here_is_somebodys_work_and_comes_off_again(shop: Shop) -> None:
    contact, user = shop.contact(), UserFactory(role="cs", teams=[shop.team])
    shop.say(contact, "minta norek")
    suggestions.set_label(contact, label("Waiting payment"), actor=user)
    interval = LabelAssignment.objects.get()
    assert (interval.origin, interval.added_by_user, interval.added_by_method) == ("crm", user, "crm_user")
    spell = LabelSpell.objects.get()
    assert (spell.found, spell.user, spell.method) == (False, user, "crm_user")
    assert named(contact) is None
    with pytest.raises(ValidationError, match="has this label already"):
        suggestions.set_label(contact, label("Waiting payment"), actor=user)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        suggestions.take_off(contact, label("Waiting payment"), actor=user)
        with pytest.raises(ValidationError, match="does not have"):
            suggestions.take_off(contact, label("Waiting payment"), actor=user)
    interval.refresh_from_db()
    assert (interval.removed_origin, interval.removed_by_user) == ("crm", user)
    actions = AuditEntry.objects.filter(object_id=contact.pk).values_list("action", flat=True)
    assert set(actions) == {"label.set_here", "label.taken_off_here"}


def test_a_label_of_whatsapp_cannot_be_taken_off_from_here(shop: Shop) -> None:
    contact = shop.contact()
    row = shop.whatsapp_label("Grade A")
    shop.put(contact, row)
    with pytest.raises(ValidationError, match="does not have"):
        suggestions.take_off(contact, row.label, actor=UserFactory())
    assert LabelAssignment.objects.get().removed_at is None


def test_dismissals_follow_a_merge_and_its_end(shop: Shop) -> None:
    one, other = shop.contact(), shop.contact()
    row = suggestions.dismiss(other, label("Done"), until=THEN, actor=None)
    record = merge(survivor_id=one.pk, merged_id=other.pk, reason="test", actor=None)
    row.refresh_from_db()
    assert row.contact_id == one.pk
    unmerge(record=record, actor=None)
    row.refresh_from_db()
    assert row.contact_id == other.pk


# -- Words and models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phrase", ["", "kak", "🙏", "7", "...", " ".join(["norek"] * 7)])
def test_a_word_that_says_nothing_or_too_much_is_refused(phrase: str) -> None:
    with pytest.raises(ValidationError):
        LabelWord(label=label("Done"), phrase=phrase).full_clean()


def test_a_word_tells_one_label(db: None) -> None:
    with pytest.raises(ValidationError, match="tells “Waiting payment” already"):
        LabelWord(label=label("Done"), phrase="No rek!").clean()
    LabelWord(label=label("Done"), phrase="No rek!", side="us").clean()
    with pytest.raises(ValidationError):
        LabelWord(label=label("Done"), phrase="norek", side="both").clean()


def test_archived_words_and_labels_tell_nothing(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "mantul banget kak")
    word = LabelWord(label=label("Hot prospect"), phrase="mantul")
    word.clean()
    word.save()
    assert named(contact) == "Hot prospect"
    LabelWord.objects.filter(pk=word.pk).update(deleted_at=THEN)
    assert named(contact) is None
    LabelWord.all_objects.filter(pk=word.pk).update(deleted_at=None)
    Label.objects.filter(pk=word.label_id).update(deleted_at=THEN)
    assert named(contact) is None


def model(of: Label, **values: Any) -> LabelTextModel:
    training = SuggestionTraining.objects.create(trained_at=THEN, learned_from=1, held_back=1, terms=1)
    body, digest = pack(TextWeights(0.0, {"angkatan": 2.0}))
    figures = dict.fromkeys(("labelled", "words_said", "words_right", "model_said", "model_right"), 0)
    return LabelTextModel.objects.create(
        **{"training": training, "label": of, "weights": body, "digest": digest, "used": True, **figures, **values}
    )


def test_a_used_model_suggests_with_its_words(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "kaos angkatan 40 pcs")
    row = model(label("Hot prospect"))
    found = suggested(contact)
    assert found is not None
    assert found.reason == "“angkatan” in the message of 10:00: chats with these words got this label before"
    LabelTextModel.objects.filter(pk=row.pk).update(used=False)
    assert named(contact) is None


def test_weights_that_were_tampered_with_suggest_nothing(shop: Shop) -> None:
    contact = shop.contact()
    shop.say(contact, "kaos angkatan 40 pcs")
    row = model(label("Hot prospect"))
    row.weights["terms"]["kaos"] = 9.0
    row.save()
    assert named(contact) is None


def test_rebuilding_finds_labels_set_here_as_they_are(shop: Shop) -> None:
    contact = shop.contact()
    suggestions.set_label(contact, label("Hot prospect"), actor=UserFactory())
    job = rebuild(actor=None)
    do_work()
    job.refresh_from_db()
    assert job.result["differences"] == 0
