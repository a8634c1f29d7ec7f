"""Meta's Cloud API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.gateways.contract import GatewayContract
from tests.webhooks.gateways.payloads import Account, CloudApiPayloads
from tests.webhooks.gateways.payloads.base import AT, CUSTOMER
from webhooks.gateways import GATEWAYS, kinds
from webhooks.gateways.events import Clock, ContactSeen, Envelope, Ignored, MessageSeen, Moment, NotUnderstood


class TestCloudApi(GatewayContract):
    gateway = GATEWAYS["cloudapi"]
    payloads = CloudApiPayloads()
    tells_status = False
    tells_lids = False
    ignores_chats = {}

    def test_the_envelope_names_metas_number(self) -> None:
        assert self.parse(self.payloads.message(CUSTOMER))[0] == Envelope(session="cs1", own_phone="+6281200000001")

    def test_a_time_is_seconds_as_text_and_whatsapps(self) -> None:
        assert self.one(self.payloads.message(CUSTOMER)).at == Moment(value=AT, clock=Clock.WHATSAPP)

    def test_several_messages_in_one_post_are_several_events(self) -> None:
        changes = [self.payloads.message(CUSTOMER, message_id=one).content for one in ("wamid.1", "wamid.2")]
        post = self.payloads.changes(*(change["entry"][0]["changes"][0] for change in changes))
        assert [event.external_id for event in self.told(post)] == ["wamid.1", "wamid.2"]

    def test_delivery_states_are_ignored_once(self) -> None:
        statuses = [
            {"id": f"wamid.{one}", "status": "read", "timestamp": "1", "recipient_id": CUSTOMER} for one in "ab"
        ]
        post = self.payloads.changes(*(self.payloads.change("messages", statuses=[one]) for one in statuses))
        assert self.told(post) == [Ignored(reason="message_status")]

    def test_another_status_of_a_message_has_another_key(self) -> None:
        posts = [
            self.payloads.changes(self.payloads.change("messages", statuses=[{"id": "wamid.1", "status": status}]))
            for status in ("sent", "read")
        ]
        assert self.key(posts[0]) != self.key(posts[1])

    def test_a_redelivery_with_its_entries_in_another_order_has_the_same_key(self) -> None:
        changes = [
            self.payloads.message(CUSTOMER, message_id=one).content["entry"][0]["changes"][0]
            for one in ("wamid.1", "wamid.2")
        ]
        assert self.key(self.payloads.changes(*changes)) == self.key(self.payloads.changes(*changes[::-1]))

    def test_a_message_typed_in_the_app_is_ours(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, from_me=True))
        assert (seen.from_me, seen.chat.phone, seen.by_api) == (True, f"+{CUSTOMER}", False)

    def test_another_number_in_the_same_post_is_not_mixed_in(self) -> None:
        other = CloudApiPayloads(Account(session="cs2"))
        ours, theirs = (p.message(CUSTOMER).content["entry"][0]["changes"][0] for p in (self.payloads, other))
        first, second = self.told(self.payloads.changes(ours, theirs))
        assert isinstance(first, MessageSeen)
        assert isinstance(second, NotUnderstood)

    def test_an_ad_in_whatsapp_status_has_no_click_id_but_a_source(self) -> None:
        referral = {"source_id": "1202", "source_type": "ad", "headline": "Promo"}
        ad = self.one(self.payloads.message(CUSTOMER, referral=referral)).ad
        assert (ad.source_id, ad.click_id, ad.headline) == ("1202", "", "Promo")

    @pytest.mark.parametrize(
        ("kind", "content", "text", "told"),
        [
            ("image", {"caption": "Nota", "id": "1"}, "Nota", "image"),
            ("button", {"text": "Ya", "payload": "x"}, "Ya", "text"),
            ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Ya"}}, "Ya", "text"),
            ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Paket A"}}, "Paket A", "text"),
            ("reaction", {"message_id": "x", "emoji": "👍"}, "👍", "reaction"),
            ("location", {"latitude": 1, "longitude": 2}, "", "location"),
            ("contacts", [{"name": {}}], "", "contact"),
            ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent"}}, "Sent", "text"),
            ("interactive", {"type": "call_permission_reply", "call_permission_reply": {}}, "", "text"),
            ("order", {"catalog_id": "1", "text": "Dua ya", "product_items": []}, "Dua ya", "other"),
            ("unsupported", {}, "", "other"),
            ("unsupported", {"type": "gif"}, "", "video"),
            ("unknown", {}, "", "other"),
            ("sparkle", {"body": "x"}, "x", "unknown"),
        ],
    )
    def test_every_type_says_its_text_somewhere_else(self, kind: str, content: Any, text: str, told: str) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, type=kind, **{kind: content}))
        assert (seen.kind, seen.text) == (told, text)

    @pytest.mark.parametrize("kind", [kind for kind, said in kinds.META.items() if said.notice])
    @pytest.mark.parametrize("from_me", [False, True])
    def test_a_notice_is_nobodys_message(self, kind: str, from_me: bool) -> None:
        notice = Ignored(reason=f"notice:{kinds.META[kind].notice}")
        assert self.one(self.payloads.message(CUSTOMER, type=kind, from_me=from_me)) == notice

    @pytest.mark.parametrize(("kind", "notice"), [("pin", "pin"), ("poll_update", "vote"), ("edit", "edit")])
    def test_an_unsupported_notice_is_a_notice(self, kind: str, notice: str) -> None:
        told = self.payloads.message(CUSTOMER, type="unsupported", unsupported={"type": kind})
        assert self.one(told) == Ignored(reason=f"notice:{notice}")

    def test_taking_a_reaction_back_is_a_notice(self) -> None:
        told = self.payloads.message(CUSTOMER, type="reaction", reaction={"message_id": "x", "emoji": ""})
        assert self.one(told) == Ignored(reason="notice:reaction_removed")

    def test_a_type_that_nobody_has_read_about_keeps_its_own_name(self) -> None:
        seen = self.one(self.payloads.message(CUSTOMER, type="sparkle"))
        assert (seen.kind, seen.wire_type) == ("unknown", "sparkle")

    def test_a_first_message_that_meta_withholds_waits_for_its_words(self) -> None:
        withheld = self.payloads.message(CUSTOMER, type="unsupported", errors=[{"code": 131060}])
        assert (self.one(withheld).kind, self.one(withheld).text) == ("waiting", "")

    def test_the_words_that_follow_a_withheld_message_have_another_key(self) -> None:
        first = self.payloads.message(CUSTOMER, type="unsupported", message_id="wamid.1")
        assert self.key(first) != self.key(self.payloads.message(CUSTOMER, message_id="wamid.1"))

    def test_system_notes_and_groups_are_no_messages_of_a_customer(self) -> None:
        system = self.one(self.payloads.message(CUSTOMER, type="system", system={"body": "x changed"}))
        group = self.one(self.payloads.message(CUSTOMER, group_id="G1"))
        assert (system, group) == (Ignored(reason="notice:system"), Ignored(reason="group"))

    def test_the_apps_address_book_gives_names_and_takes_none_away(self) -> None:
        added = {"type": "contact", "action": "add", "contact": {"full_name": "Budi S", "phone_number": CUSTOMER}}
        gone = {"type": "contact", "action": "remove", "contact": {"phone_number": CUSTOMER}}
        first, second = self.told(
            self.payloads.changes(self.payloads.change("smb_app_state_sync", state_sync=[added, gone]))
        )
        assert isinstance(first, ContactSeen)
        assert (first.name, second) == ("Budi S", Ignored(reason="no_name"))

    def test_a_number_change_of_the_book_has_a_key_too(self) -> None:
        assert self.key(self.payloads.changes(self.payloads.change("smb_app_state_sync", state_sync=[]))) is not None

    @pytest.mark.parametrize("field", ["account_update", "message_template_status_update"])
    def test_fields_of_other_concern_are_ignored_by_name(self, field: str) -> None:
        assert self.one(self.payloads.changes(self.payloads.change(field))) == Ignored(reason=f"not_for_us:{field}")

    @pytest.mark.parametrize("content", [{"object": "page", "entry": []}, {"object": "whatsapp_business_account"}])
    def test_a_post_about_something_else_is_kept_with_a_sentence(self, content: Any) -> None:
        assert isinstance(self.one(self.payloads.post(content)), NotUnderstood)
