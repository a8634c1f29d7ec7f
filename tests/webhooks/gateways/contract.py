"""What every gateway has to keep. A gateway's test class inherits this and says how its posts are built.

class TestWaha(GatewayContract):
    gateway = GATEWAYS["waha"]
    payloads = WahaPayloads()
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from tests.webhooks.gateways.mutations import damaged, mutated, shuffled, written
from tests.webhooks.gateways.payloads.base import (
    AT,
    BROADCAST,
    CUSTOMER,
    CUSTOMER_LID,
    GROUP,
    NEWSLETTER,
    STATUS,
    Account,
    Ad,
    Payloads,
    Post,
)
from webhooks.gateways import bodies
from webhooks.gateways.base import Gateway, Headers
from webhooks.gateways.events import (
    ChannelStatus,
    ChatKind,
    Clock,
    ConnectionState,
    Envelope,
    Event,
    Ignored,
    LabelDeleted,
    LabelOnChat,
    LabelSaved,
    MessageSeen,
    NotUnderstood,
)
from webhooks.gateways.vocabulary import STUMBLED

STRANGE_NAMES = (
    "🔥 Hot", "Panas ", " Panas", "دافئ", "<script>alert(1)</script>", "=cmd()|'/c calc'!A0", "a\r\nb", "\u202eabc",
    "x" * 300, "021", "👨‍👩‍👧‍👦" * 20,
)  # fmt: skip


class GatewayContract:
    """Tests that hold for every gateway; what one cannot tell is read from its capabilities."""

    gateway: ClassVar[Gateway]
    payloads: ClassVar[Payloads]
    tells_status: ClassVar[bool] = True
    tells_lids: ClassVar[bool] = True
    ignores_chats: ClassVar[dict[str, str]] = {
        GROUP: "group",
        BROADCAST: "broadcast",
        NEWSLETTER: "newsletter",
        STATUS: "status",
    }

    # -- what the tests below are made of --------------------------------------------------------------------

    def parse(self, post: Post) -> list[Any]:
        return self.gateway.parse(post.headers, post.body)

    def told(self, post: Post) -> list[Any]:
        """The events of a post without its envelope."""
        first, *rest = self.parse(post)
        assert isinstance(first, Envelope)
        return rest

    def one(self, post: Post) -> Any:
        """The only event of a post beside its envelope."""
        events = self.told(post)
        assert len(events) == 1, events
        return events[0]

    def signed_payload(self, post: Post) -> tuple[Headers, bytes]:
        """Headers and body as they come over the wire."""
        return post.headers, post.body

    def story(self) -> list[Post]:
        """One post of every kind the gateway can send."""
        posts = [
            self.payloads.message(CUSTOMER, ad=Ad()),
            self.payloads.message(CUSTOMER, from_me=True, message_id="3EB0C0FFEE00000002"),
            self.payloads.unheard_of(),
        ]
        if self.gateway.capabilities.labels:
            posts += [self.payloads.label_on_chat(CUSTOMER, "7", on=on) for on in (True, False)]
        if self.gateway.capabilities.label_definitions:
            posts += [self.payloads.label_saved("7", name="Hot", color=13), self.payloads.label_deleted("7")]
        if self.tells_status:
            posts += [self.payloads.status(working=working) for working in (True, False)]
        return posts

    @property
    def label_clock(self) -> Clock | None:
        return {"whatsapp": Clock.WHATSAPP, "gateway": Clock.GATEWAY}.get(self.gateway.capabilities.label_time)

    # -- the story ---------------------------------------------------------------------------------------------

    def test_the_envelope_comes_first_in_every_post(self) -> None:
        for post in self.story():
            events = self.parse(post)
            assert isinstance(events[0], Envelope)
            assert not any(isinstance(event, Envelope) for event in events[1:])
            assert len(events) > 1

    def test_a_saved_label_carries_its_id_name_and_colour(self) -> None:
        if self.gateway.capabilities.label_definitions:
            saved = self.one(self.payloads.label_saved("7", name="Hot", color=13))
            assert isinstance(saved, LabelSaved)
            assert (saved.external_id, saved.name, saved.color) == ("7", "Hot", 13)

    def test_a_rename_says_nothing_about_the_colour(self) -> None:
        if self.gateway.capabilities.label_definitions:
            renamed = self.one(self.payloads.label_saved("7", name="Panas"))
            assert (renamed.name, renamed.color) == ("Panas", None)

    def test_a_new_colour_says_nothing_about_the_name(self) -> None:
        if self.gateway.capabilities.label_definitions:
            recoloured = self.one(self.payloads.label_saved("7", color=0))
            assert (recoloured.name, recoloured.color) == (None, 0)

    def test_a_deleted_label_is_no_rename(self) -> None:
        if self.gateway.capabilities.label_definitions:
            deleted = self.one(self.payloads.label_deleted("7"))
            assert isinstance(deleted, LabelDeleted)
            assert deleted.external_id == "7"

    @pytest.mark.parametrize("on", [True, False])
    def test_a_label_is_put_on_a_chat_and_taken_off(self, on: bool) -> None:
        if self.gateway.capabilities.labels:
            event = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=on))
            assert isinstance(event, LabelOnChat)
            assert (event.chat.kind, event.chat.phone, event.chat.lid) == (ChatKind.PERSONAL, f"+{CUSTOMER}", None)
            assert (event.external_id, event.on) == ("7", on)

    def test_a_label_change_keeps_its_time_and_whose_clock_it_is(self) -> None:
        if self.gateway.capabilities.labels:
            event: Any = self.one(self.payloads.label_on_chat(CUSTOMER, "7", on=True))
            if self.label_clock is not None:
                assert (event.at.value, event.at.clock) == (AT, self.label_clock)

    def test_an_inbound_message_names_the_customer(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, text="Halo kak 🙏"))
        assert isinstance(seen, MessageSeen)
        assert (seen.external_id, seen.chat.phone, seen.from_me) == ("3EB0C0FFEE00000001", f"+{CUSTOMER}", False)
        assert seen.at is not None
        assert (seen.text, seen.kind, seen.contact_name, seen.at.value) == ("Halo kak 🙏", "text", "Budi", AT)
        assert seen.ad is None

    def test_an_outbound_message_belongs_to_the_customers_chat(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, from_me=True))
        assert (seen.from_me, seen.chat.phone, seen.external_id) == (True, f"+{CUSTOMER}", "3EB0C0FFEE00000001")

    def test_the_account_itself_lends_no_customer_its_name(self) -> None:
        if self.gateway.name != "generic":  # there the name is the contact's by definition
            assert self.one(self.payloads.message(CUSTOMER, from_me=True, name="CS")).contact_name is None

    def test_an_ad_is_taken_from_an_inbound_message(self) -> None:
        ad = self.one(self.payloads.message(CUSTOMER, ad=Ad())).ad
        assert (ad.source_id, ad.source_url) == (Ad().source_id, Ad().source_url)

    def test_an_ad_on_an_outbound_message_is_none(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER, ad=Ad(), from_me=True)).ad is None

    def test_chats_that_are_no_person_are_ignored_for_their_reason(self) -> None:
        for chat, reason in self.ignores_chats.items():
            assert self.one(self.payloads.message(chat)) == Ignored(reason=reason)
            if self.gateway.capabilities.labels:
                assert self.one(self.payloads.label_on_chat(chat, "7", on=True)) == Ignored(reason=reason)

    def test_a_lid_without_a_phone_is_still_a_person(self) -> None:
        if self.tells_lids and self.gateway.capabilities.labels:
            chat = self.one(self.payloads.label_on_chat(CUSTOMER_LID, "7", on=True)).chat
            assert (chat.kind, chat.phone, chat.lid) == (ChatKind.PERSONAL, None, CUSTOMER_LID.removesuffix("@lid"))

    def test_the_connection_works_and_stops(self) -> None:
        if self.tells_status:
            states = [self.one(self.payloads.status(working=working)) for working in (True, False)]
            assert all(isinstance(state, ChannelStatus) for state in states)
            assert [state.state for state in states] == [ConnectionState.WORKING, ConnectionState.STOPPED]
            assert not any(state.paired for state in states)

    # -- what is not understood --------------------------------------------------------------------------------

    def test_an_event_nobody_documented_is_kept_with_a_sentence(self) -> None:
        event = self.one(self.payloads.unheard_of())
        assert isinstance(event, NotUnderstood)
        assert event.reason.endswith(".")
        assert event.reason != STUMBLED

    @pytest.mark.parametrize("chat", ["", "tidak ada", "0812", "12@s.whatsapp.net", "a@b@c", "x" * 10_000])
    def test_a_chat_that_cannot_be_read_is_kept_with_a_sentence(self, chat: str) -> None:
        posts = [self.payloads.message(chat)]
        if self.gateway.capabilities.labels:
            posts.append(self.payloads.label_on_chat(chat, "7", on=True))
        for post in posts:
            event = self.one(post)
            assert isinstance(event, NotUnderstood)
            assert len(event.reason) < 300

    @pytest.mark.parametrize(
        "body",
        [b"", b"null", b"[]", b'"x"', b"1", b"{", b"hello", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 100_000, b"{}"],
    )
    def test_a_body_that_is_no_post_of_ours_is_kept_with_a_sentence(self, body: bytes) -> None:
        events = self.gateway.parse({}, body)
        assert isinstance(events[-1], NotUnderstood)
        assert events[-1].reason != STUMBLED

    @pytest.mark.parametrize("label_id", ["021", "1001", "a-b", "99999999999999999999"])
    def test_a_label_id_stays_the_text_it_is(self, label_id: str) -> None:
        if self.gateway.capabilities.labels:
            assert self.one(self.payloads.label_on_chat(CUSTOMER, label_id, on=True)).external_id == label_id

    def test_spaces_around_a_label_id_do_not_count(self) -> None:
        if self.gateway.capabilities.labels:
            assert self.one(self.payloads.label_on_chat(CUSTOMER, " 7 ", on=True)).external_id == "7"

    @pytest.mark.parametrize("label_id", ["", "  ", None, True, 1.5, {}, [], "x" * 101])
    def test_a_label_without_a_usable_id_is_kept_with_a_sentence(self, label_id: Any) -> None:
        if self.gateway.capabilities.label_definitions:
            for post in (self.payloads.label_saved(label_id, name="Hot"), self.payloads.label_deleted(label_id)):
                assert isinstance(self.one(post), NotUnderstood)
        if self.gateway.capabilities.labels and not isinstance(label_id, dict | list):
            assert isinstance(self.one(self.payloads.label_on_chat(CUSTOMER, label_id, on=True)), NotUnderstood)

    @pytest.mark.parametrize("name", STRANGE_NAMES)
    def test_a_strange_name_is_kept_exactly(self, name: str) -> None:
        if self.gateway.capabilities.label_definitions:
            assert self.one(self.payloads.label_saved("7", name=name)).name == name

    @pytest.mark.parametrize("name", ["a\x00b", "a\ud83db"])
    def test_what_a_database_cannot_store_becomes_the_replacement_character(self, name: str) -> None:
        seen = self.one(self.plain(self.payloads.message(CUSTOMER, name=name, text=name)))
        assert (seen.text, seen.contact_name) == ("a\ufffdb", "a\ufffdb")

    def plain(self, post: Post) -> Post:
        """The same post with its JSON escaped, the only way half a surrogate pair can travel."""
        return Post(post.headers, written(json.loads(post.body.decode("utf-8", "surrogatepass"))))

    @pytest.mark.parametrize("color", [25, -1, "merah", True, [], {}, 2**40])
    def test_a_colour_outside_the_palette_is_no_colour(self, color: Any) -> None:
        if self.gateway.capabilities.label_definitions and self.gateway.name != "waha":
            assert self.one(self.payloads.label_saved("7", name="Hot", color=color)).color is None

    # -- promises --------------------------------------------------------------------------------------------

    def test_events_cannot_be_changed(self) -> None:
        for post in self.story():
            for event in self.parse(post):
                hash(event)
                with pytest.raises(dataclasses.FrozenInstanceError):
                    setattr(event, dataclasses.fields(event)[0].name, "8")

    def test_no_content_makes_the_parser_raise_or_stumble(self) -> None:
        contents = [json.loads(self.json_of(post)) for post in self.story()]
        for content in mutated(contents, seed=7):
            body = written(content)
            self.check(self.gateway.parse({}, body), body)
            key = self.gateway.dedupe_key({}, content)
            assert key is None or (isinstance(key, str) and 0 < len(key) <= 200)
            bodies.redact(content, self.gateway.secret_fields)

    def test_no_bytes_make_the_parser_raise_or_stumble(self) -> None:
        for body in damaged([self.json_of(post) for post in self.story()], seed=11):
            self.check(self.gateway.parse({}, body), body)

    def json_of(self, post: Post) -> bytes:
        """What is stored of a post, and what a parser gets."""
        return post.body

    def check(self, events: list[Event], body: bytes) -> None:
        assert events, body
        assert NotUnderstood(reason=STUMBLED) not in events, body
        assert isinstance(events[0], Envelope) or (len(events) == 1 and isinstance(events[0], NotUnderstood)), body
        for event in events:
            for text in texts(event):
                assert "\x00" not in text
                text.encode()  # half a surrogate pair would raise
            if isinstance(event, LabelOnChat | MessageSeen):
                assert event.chat.kind is ChatKind.PERSONAL
                assert event.chat.phone or event.chat.lid
                assert event.external_id

    # -- dedupe ------------------------------------------------------------------------------------------------

    def key(self, post: Post, headers: Headers | None = None) -> str | None:
        return self.gateway.dedupe_key(headers or {}, json.loads(self.json_of(post)))

    def test_the_dedupe_key_does_not_depend_on_the_order_of_keys(self) -> None:
        for post in self.story():
            content = json.loads(self.json_of(post))
            assert self.gateway.dedupe_key({}, shuffled(content, seed=3)) == self.gateway.dedupe_key({}, content)

    def test_a_repeated_message_has_the_same_key(self) -> None:
        post = self.payloads.message(CUSTOMER)
        assert self.key(post) is not None
        assert self.key(post) == self.key(Post(post.headers, post.body))

    def test_another_message_has_another_key(self) -> None:
        assert self.key(self.payloads.message(CUSTOMER)) != self.key(
            self.payloads.message(CUSTOMER, message_id="3EB0C0FFEE00000009")
        )

    def test_add_remove_and_add_again_are_three_truths(self) -> None:
        if self.gateway.capabilities.labels:
            times = [(True, AT), (False, AT + timedelta(seconds=2)), (True, AT + timedelta(seconds=4))]
            keys = [self.key(self.payloads.label_on_chat(CUSTOMER, "7", on=on, at=at)) for on, at in times]
            known = [key for key in keys if key is not None]
            assert len(set(known)) == len(known)
            assert len(known) in (0, 3)

    @pytest.mark.parametrize("body", [None, [], "x", 1, True, {}, [{}], {"id": None}, {"event": [], "payload": 1}])
    def test_the_dedupe_key_of_anything_else_never_raises(self, body: Any) -> None:
        key = self.gateway.dedupe_key({}, body)
        assert key is None or len(key) <= 200

    # -- proof ---------------------------------------------------------------------------------------------------

    def is_authentic(
        self, headers: Headers, body: bytes, *, token: str | None = None, secret: str | None = None
    ) -> bool:
        secrets = [secret or self.payloads.account.secret]
        return self.gateway.is_authentic(body=body, headers=headers, token=token, secrets=secrets)

    def test_only_who_knows_the_secret_is_believed(self) -> None:
        headers, body = self.signed_payload(self.payloads.message(CUSTOMER))
        if self.gateway.token_in_url:
            assert self.is_authentic(headers, body, token=self.payloads.account.secret)
            assert not self.is_authentic(headers, body, token=None)
            assert not self.is_authentic(headers, body, token="")
            assert not self.is_authentic(headers, body, token="rahasia-lain")
            assert not self.is_authentic(headers, body, token="räh\ud83d")
        else:
            assert self.is_authentic(headers, body)
            assert not self.is_authentic(headers, body, secret="rahasia-lain")

    def test_no_secret_proves_nothing(self) -> None:
        headers, body = self.signed_payload(type(self.payloads)(Account(secret="")).message(CUSTOMER))
        for secrets in ([], [""]):
            assert not self.gateway.is_authentic(body=body, headers=headers, token="", secrets=secrets)

    def test_a_rotated_secret_counts_beside_the_new_one(self) -> None:
        headers, body = self.signed_payload(self.payloads.message(CUSTOMER))
        secrets = ["baru", self.payloads.account.secret]
        assert self.gateway.is_authentic(
            body=body, headers=headers, token=self.payloads.account.secret, secrets=secrets
        )

    def test_hex_may_be_upper_case_and_nothing_else_may_differ(self) -> None:
        if self.gateway.signature is None:
            return
        headers, body = self.signed_payload(self.payloads.message(CUSTOMER))
        name, prefix = self.gateway.signature.header, self.gateway.signature.prefix
        digest = headers[name].removeprefix(prefix)
        assert self.is_authentic({**headers, name: prefix + digest.upper()}, body)
        for wrong in bad_signatures(digest):
            assert not self.is_authentic({**headers, name: prefix + wrong}, body), wrong
        assert not self.is_authentic({key: headers[key] for key in headers if key != name}, body)
        if prefix:
            assert not self.is_authentic({**headers, name: digest}, body)

    def test_a_body_written_anew_by_a_proxy_is_not_believed(self) -> None:
        if self.gateway.signature is not None:
            headers, body = self.signed_payload(self.payloads.message(CUSTOMER))
            assert not self.is_authentic(headers, body.replace(b": ", b":", 1).replace(b"+", b"%20", 1) + b" ")

    def test_an_algorithm_named_by_the_sender_chooses_nothing(self) -> None:
        if self.gateway.signature is not None:
            headers, body = self.signed_payload(self.payloads.message(CUSTOMER))
            assert self.is_authentic({**headers, "x-webhook-hmac-algorithm": "md5"}, body)

    def test_no_kept_header_is_a_credential(self) -> None:
        kept = self.gateway.kept_headers
        assert all(name == name.lower() for name in kept)
        assert not {"authorization", "cookie", "x-api-key", "x-webhook-hmac", "x-hub-signature-256"} & set(kept)

    def test_credentials_in_a_body_can_be_hidden_without_losing_an_event(self) -> None:
        for post in self.story():
            content = json.loads(self.json_of(post))
            clean = bodies.redact(content, self.gateway.secret_fields)
            assert self.gateway.parse({}, written(clean)) == self.gateway.parse({}, written(content))


def bad_signatures(digest: str) -> Iterator[str]:
    """Signatures that are nearly right."""
    yield from ("", digest[:-1], digest + "0", digest[::-1], "0" * len(digest), f"ä{digest[1:]}", "\ud83d" + digest)
    yield "\uff11" + digest[1:]


def texts(value: Any) -> Iterator[str]:
    """Every text in an event."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
