"""People without numbers on Meta's Cloud API: user ids, usernames, changes of number and the history of an app."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.webhooks.gateways.mutations import mutated, written
from tests.webhooks.gateways.payloads import CloudApiPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER, Post
from webhooks.gateways import GATEWAYS
from webhooks.gateways.events import (
    Chat,
    ChatKind,
    Clock,
    ContactSeen,
    Envelope,
    IdentityChanged,
    Ignored,
    MessageSeen,
    Moment,
    NotUnderstood,
)
from webhooks.gateways.vocabulary import STUMBLED

META = CloudApiPayloads()
ID, PARENT = "ID.13491208655302741918", "ID.ENT.11815799212886844830"
NEW_ID, NEW_NUMBER = "ID.99991208655302741918", "6281290002222"
OTHER = "6281290003333"


def told(post: Post) -> list[Any]:
    envelope, *events = GATEWAYS["cloudapi"].parse(post.headers, post.body)
    assert isinstance(envelope, Envelope)
    return events


def one(post: Post) -> Any:
    (event,) = told(post)
    return event


def key(post: Post) -> str | None:
    return GATEWAYS["cloudapi"].dedupe_key(post.headers, json.loads(post.body))


def ids(chat: Chat) -> tuple[str | None, str | None, str | None]:
    return chat.phone, chat.user_id, chat.parent_id


# -- who writes ------------------------------------------------------------------------------------------------


def test_a_person_without_a_number_is_known_by_their_user_id() -> None:
    seen = one(META.written_by(ID, parent_id=PARENT))
    assert (seen.chat.kind, ids(seen.chat)) == (ChatKind.PERSONAL, (None, ID, PARENT))
    assert (seen.contact_name, seen.username, seen.from_me) == ("Budi", "budi.kopi", False)


def test_a_message_with_both_tells_that_they_belong_together() -> None:
    assert ids(one(META.written_by(ID, phone=CUSTOMER)).chat) == (f"+{CUSTOMER}", ID, None)


@pytest.mark.parametrize("field", ["from", "from_user_id", "from_parent_user_id"])
def test_a_user_id_is_read_in_whatever_field_it_comes(field: str) -> None:
    message = {field: ID, "id": "wamid.1", "timestamp": "1772420645", "type": "text", "text": {"body": "x"}}
    assert ids(one(META.changes(META.change("messages", messages=[message]))).chat) == (None, ID, None)


def message_of(**told: Any) -> dict[str, Any]:
    return {"id": "wamid.1", "timestamp": "1772420645", "type": "text", "text": {"body": "x"}, **told}


def posted(messages: list[Any], contacts: list[Any]) -> Post:
    return META.changes(META.change("messages", contacts=contacts, messages=messages))


def test_each_message_gets_the_name_of_its_own_sender() -> None:
    contacts = [
        {"user_id": NEW_ID, "profile": {"name": "Sari"}},
        {"user_id": ID, "wa_id": CUSTOMER, "profile": {"name": "Budi"}},
        {"wa_id": OTHER, "profile": {"name": "Tono"}},
    ]
    messages = [message_of(**who) for who in ({"from_user_id": ID}, {"from": OTHER}, {"from_user_id": NEW_ID})]
    seen = told(posted(messages, contacts))
    assert [event.contact_name for event in seen] == ["Budi", "Tono", "Sari"]
    assert ids(seen[0].chat) == (f"+{CUSTOMER}", ID, None)


def test_a_message_that_names_nobody_is_of_the_only_contact_beside_it() -> None:
    assert ids(one(posted([message_of()], [{"user_id": ID}])).chat) == (None, ID, None)


def test_a_message_that_names_nobody_beside_two_contacts_is_kept_with_a_sentence() -> None:
    assert isinstance(one(posted([message_of()], [{"user_id": ID}, {"user_id": NEW_ID}])), NotUnderstood)


def test_two_people_with_one_phone_in_a_post_do_not_become_one() -> None:
    seen = one(posted([message_of(**{"from": CUSTOMER, "from_user_id": ID})], [{"wa_id": CUSTOMER, "user_id": NEW_ID}]))
    assert ids(seen.chat) == (f"+{CUSTOMER}", ID, None)


def test_a_hidden_number_takes_nothing_from_the_id_beside_it() -> None:
    assert ids(one(posted([message_of(**{"from": "hidden", "from_user_id": ID})], [])).chat) == (None, ID, None)


def test_a_phone_that_was_asked_for_belongs_to_whoever_sends_it() -> None:
    card = {"phones": [{"phone": f"+{CUSTOMER}", "wa_id": CUSTOMER}]}
    given = META.written_by(ID, type="contacts", contacts=[card], origin="contact_request")
    forwarded = META.written_by(ID, type="contacts", contacts=[card], origin="other")
    assert [ids(one(post).chat) for post in (given, forwarded)] == [(f"+{CUSTOMER}", ID, None), (None, ID, None)]


def test_an_echo_to_a_user_id_belongs_to_the_customers_chat() -> None:
    seen = one(META.echo_to(ID))
    assert (seen.from_me, seen.by_api, ids(seen.chat)) == (True, False, (None, ID, None))


def test_statuses_stay_nobodys_message_with_user_ids_too() -> None:
    status = {"id": "wamid.1", "status": "read", "recipient_user_id": ID}
    contacts = [{"user_id": ID, "profile": {"username": "budi.kopi"}}]
    post = META.changes(META.change("messages", contacts=contacts, statuses=[status]))
    assert told(post) == [Ignored(reason="message_status")]


def test_the_apps_address_book_may_know_somebody_without_a_number() -> None:
    entry = {"type": "contact", "action": "add", "contact": {"full_name": "Budi S", "user_id": ID, "username": "@budi"}}
    seen = one(META.changes(META.change("smb_app_state_sync", state_sync=[entry])))
    assert isinstance(seen, ContactSeen)
    assert (seen.name, seen.username, ids(seen.chat)) == ("Budi S", "budi", (None, ID, None))


def test_what_metas_own_agent_talks_about_is_read_as_well() -> None:
    echo = message_of(**{"from": META.account.phone, "to": OTHER})
    contacts = [{"user_id": ID}]
    value = META.change("standby", contacts=contacts, messages=[message_of(from_user_id=ID)], message_echoes=[echo])
    assert [(seen.from_me, seen.by_api) for seen in told(META.changes(value))] == [(False, None), (True, None)]


# -- who changes -----------------------------------------------------------------------------------------------


def test_a_new_number_tells_the_old_one_and_every_id() -> None:
    post = META.system(
        "user_changed_number", **{"from": CUSTOMER}, wa_id=NEW_NUMBER, user_id=NEW_ID, previous_user_id=ID
    )
    changed = one(post)
    assert isinstance(changed, IdentityChanged)
    assert (ids(changed.old), ids(changed.chat)) == ((f"+{CUSTOMER}", ID, None), (f"+{NEW_NUMBER}", NEW_ID, None))
    assert changed.at == Moment(value=AT, clock=Clock.WHATSAPP)


@pytest.mark.parametrize(
    "told_in_system",
    [{"wa_id": NEW_NUMBER}, {"new_wa_id": NEW_NUMBER, "customer": CUSTOMER}],
    ids=["since version 12", "before"],
)
def test_a_new_number_is_read_in_the_older_forms_too(told_in_system: dict[str, str]) -> None:
    for kind in ("user_changed_number", "customer_changed_number"):
        changed = one(META.system(kind, **{"from": CUSTOMER}, **told_in_system))
        assert (ids(changed.old), ids(changed.chat)) == ((f"+{CUSTOMER}", None, None), (f"+{NEW_NUMBER}", None, None))


def test_a_new_user_id_tells_the_old_one() -> None:
    told_ids = {"previous_user_id": ID, "user_id": NEW_ID, "previous_parent_user_id": PARENT}
    changed = one(META.system("user_changed_user_id", **told_ids))
    assert (ids(changed.old), ids(changed.chat)) == ((None, ID, PARENT), (None, NEW_ID, None))


@pytest.mark.parametrize(("outside", "old"), [(ID, ID), (NEW_ID, None)], ids=["id before", "id after"])
def test_the_id_outside_of_the_change_may_be_the_old_or_the_new(outside: str, old: str | None) -> None:
    post = META.system("user_changed_user_id", **{"from": CUSTOMER}, from_user_id=outside, user_id=NEW_ID)
    assert (ids(one(post).old), ids(one(post).chat)) == ((f"+{CUSTOMER}", old, None), (None, NEW_ID, None))


def test_the_sentence_for_people_decides_nothing() -> None:
    """A profile name stands in it, and anybody may call themselves “x changed from ID.1 to ID.2”."""
    assert one(META.system("user_changed_user_id", body=f"User a changed from {ID} to {NEW_ID}")) == Ignored(
        reason="notice:system"
    )


def test_a_change_to_what_is_known_already_only_says_who_belongs_together() -> None:
    seen = one(META.system("user_changed_number", **{"from": CUSTOMER}, wa_id=CUSTOMER, user_id=ID))
    assert isinstance(seen, ContactSeen)
    assert ids(seen.chat) == (f"+{CUSTOMER}", ID, None)


@pytest.mark.parametrize("kind", ["customer_identity_changed", "user_identity_changed", "", "sparkle"])
def test_other_system_messages_are_notices(kind: str) -> None:
    assert one(META.system(kind, **{"from": CUSTOMER}, wa_id=NEW_NUMBER)) == Ignored(reason="notice:system")


def test_a_change_of_id_is_read_from_the_field_that_partners_hand_on() -> None:
    update = {
        "wa_id": CUSTOMER,
        "user_id": {"previous": ID, "current": NEW_ID},
        "parent_user_id": {"previous": PARENT},
        "timestamp": 1772420645,
    }
    changed = one(META.changes(META.change("user_id_update", user_id_update=[update])))
    assert (ids(changed.old), ids(changed.chat)) == ((None, ID, PARENT), (f"+{CUSTOMER}", NEW_ID, None))


# -- what was said before ----------------------------------------------------------------------------------------


def test_history_tells_who_wrote_by_whose_number_it_is() -> None:
    thread = META.thread(CUSTOMER, META.past("wamid.1", sender=CUSTOMER), META.past("wamid.2"))
    seen = told(META.history(thread))
    assert all(isinstance(event, MessageSeen) and event.history for event in seen)
    assert [(event.external_id, event.from_me, event.chat.phone) for event in seen] == [
        ("wamid.1", False, f"+{CUSTOMER}"),
        ("wamid.2", True, f"+{CUSTOMER}"),
    ]
    assert (seen[0].at, seen[0].by_api) == (Moment(value=AT, clock=Clock.WHATSAPP), None)


def test_history_believes_who_it_says_wrote() -> None:
    ours = META.past("wamid.1", sender="15550000000", history_context={"from_me": True})
    theirs = META.past("wamid.2", history_context={"from_me": False})
    assert [event.from_me for event in told(META.history(META.thread(CUSTOMER, ours, theirs)))] == [True, False]


def test_history_of_a_hidden_number_is_known_by_the_ids_in_its_context() -> None:
    theirs = {**META.past("wamid.1"), "from": None, "from_user_id": ID}
    ours = {**META.past("wamid.2"), "from": None, "to_user_id": ID}
    context = {"user_id": ID, "parent_user_id": PARENT, "username": "budi.kopi"}
    seen = told(META.history({"context": context, "messages": [theirs, ours, META.past("wamid.3")]}))
    assert [(event.from_me, *ids(event.chat), event.username) for event in seen] == [
        (False, None, ID, PARENT, "budi.kopi"),
        (True, None, ID, PARENT, "budi.kopi"),
        (True, None, ID, PARENT, "budi.kopi"),
    ]


@pytest.mark.parametrize("thread", [{"id": ID}, {"id": None, "context": {"wa_id": CUSTOMER}}, {}])
def test_a_thread_may_be_named_in_several_ways(thread: dict[str, Any]) -> None:
    message = META.past("wamid.1", sender=CUSTOMER)
    chat = one(META.history({**thread, "messages": [message]})).chat
    assert chat.user_id == ID if thread.get("id") else chat.phone == f"+{CUSTOMER}"


def test_a_placeholder_of_media_waits_for_what_follows_it() -> None:
    placeholder = META.history(META.thread(CUSTOMER, META.past("wamid.1", sender=CUSTOMER, type="media_placeholder")))
    image = {**META.past("wamid.1", sender=CUSTOMER), "type": "image", "image": {"caption": "Nota", "id": "1"}}
    content = META.changes(META.change("history", messages=[image]))
    assert (one(placeholder).kind, one(content).kind, one(content).text) == ("waiting", "image", "Nota")
    assert one(content).history
    assert key(placeholder) != key(content)


def test_media_that_we_sent_comes_without_its_chat_and_is_ignored() -> None:
    post = META.changes(META.change("history", messages=[META.past("wamid.1")]))
    assert one(post) == Ignored(reason="history_without_chat")


def test_history_that_the_business_keeps_to_itself_is_ignored_with_its_reason() -> None:
    declined = {"errors": [{"code": 2593109, "title": "History sync is turned off"}]}
    post = META.changes(META.change("history", history=[declined]))
    assert one(post) == Ignored(reason="history_declined")


def test_groups_and_notices_of_the_past_are_ignored() -> None:
    thread = META.thread(CUSTOMER, META.past("wamid.1", type="revoke"), META.past("wamid.2", group_id="G1"))
    assert told(META.history(thread)) == [Ignored(reason="notice:revoke"), Ignored(reason="group")]


def test_a_message_of_which_nobody_says_who_wrote_it_is_kept_with_a_sentence() -> None:
    event = one(META.history(META.thread(CUSTOMER, {**META.past("wamid.1"), "from": None})))
    assert isinstance(event, NotUnderstood)
    assert event.reason != STUMBLED


def test_two_chunks_have_two_keys_and_a_repeat_has_the_same() -> None:
    first, second = (META.history(META.thread(CUSTOMER, META.past(one))) for one in ("wamid.1", "wamid.2"))
    assert key(first) != key(second)
    assert key(first) == key(META.history(META.thread(CUSTOMER, META.past("wamid.1"))))


def test_a_change_without_ids_beside_one_with_ids_is_not_hidden_by_it() -> None:
    message = json.loads(META.message(CUSTOMER).body)["entry"][0]["changes"][0]
    names = [
        META.change("smb_app_state_sync", state_sync=[{"action": "add", "contact": {"full_name": name}}])
        for name in ("Budi", "Sari")
    ]
    assert key(META.changes(message, names[0])) != key(META.changes(message, names[1]))


# -- whatever comes ----------------------------------------------------------------------------------------------


def story() -> list[Post]:
    thread = META.thread(CUSTOMER, META.past("wamid.1", sender=CUSTOMER), META.past("wamid.2"))
    hidden = {"context": {"user_id": ID}, "messages": [{**META.past("wamid.3"), "from_user_id": ID}]}
    update = {"wa_id": CUSTOMER, "user_id": {"previous": ID, "current": NEW_ID}}
    return [
        META.written_by(ID, parent_id=PARENT),
        META.written_by(ID, phone=CUSTOMER, at=AT + timedelta(hours=1)),
        META.echo_to(ID),
        META.system("user_changed_number", **{"from": CUSTOMER}, wa_id=NEW_NUMBER, user_id=NEW_ID, previous_user_id=ID),
        META.system("user_changed_user_id", previous_user_id=ID, user_id=NEW_ID),
        META.history(thread, hidden),
        META.changes(META.change("history", history=[{"errors": [{"code": 2593109}]}])),
        META.changes(META.change("user_id_update", user_id_update=[update])),
    ]


def test_no_broken_post_makes_the_parser_stumble() -> None:
    contents = [json.loads(post.body) for post in story()]
    for broken in mutated(contents, seed=8):
        events = GATEWAYS["cloudapi"].parse({}, written(broken))
        assert events
        assert not any(isinstance(event, NotUnderstood) and event.reason == STUMBLED for event in events), broken
        GATEWAYS["cloudapi"].dedupe_key({}, broken)


@pytest.mark.parametrize(
    "value", ["ID.1;DROP TABLE", "ID." + "9" * 129, "../../x", "ID.\x00", "<b>", "٦٢٨١", {"a": 1}, []]
)
def test_a_hostile_id_is_nobodys_chat(value: Any) -> None:
    for post in (META.written_by(value), META.echo_to(value), META.system("user_changed_user_id", user_id=value)):
        assert not any(isinstance(event, MessageSeen | IdentityChanged | ContactSeen) for event in told(post))
