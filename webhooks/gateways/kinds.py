"""What a person's message is: the one list of all types that gateways are known to send, and what each of them is.

A type is a message of some kind, a notice (what WhatsApp or its clients tell each other: nobody wrote it to us), or
it waits for its content. A type that stands in no table is unknown: kept and shown as such, in no figure. The reasons
are in docs/messages.md, which a test holds against these tables.

Sources: waE2E Message and WAWeb WebMessageInfo (the protobuf of Baileys and whatsmeow), the message types of WhatsApp
Web (wa-js, whatsapp-web.js), GOWA's event_message.go, Meta's webhook reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webhooks.gateways import shapes

MAX_TYPE = 60  # of a type's own name, where it is kept
_MIME_FAMILIES = frozenset({"image", "audio", "video"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a post's content is: a message of `kind`, or a notice with its code.

    `wire_type` is the gateway's own name of a type, where the kind is "unknown".
    """

    kind: str = ""
    notice: str = ""
    wire_type: str = ""

    @property
    def reason(self) -> str:
        """Why a notice is ignored, as a stable code."""
        return f"notice:{self.notice}"


WAITING, OTHER, UNKNOWN = Verdict("waiting"), Verdict("other"), Verdict("unknown")
TEXT, REACTION = Verdict("text"), Verdict("reaction")
REACTION_REMOVED = Verdict(notice="reaction_removed")
HIDDEN = Verdict(notice="hidden")  # whatsmeow's word for what no client shows when it cannot be decrypted
PEER = Verdict(notice="peer")  # from the account's own phone to its linked devices


def unknown(wire_type: Any) -> Verdict:
    """The verdict on a type that is in no table, by its own name."""
    return Verdict("unknown", wire_type=shapes.text(wire_type).strip()[:MAX_TYPE])


def of_mime(value: Any) -> str | None:
    """Return the kind of a media type; anything that is not image, audio or video travels as a document."""
    family, slash, _ = shapes.text(value).strip().lower().partition("/")
    if not slash:
        return None
    return family if family in _MIME_FAMILIES else "document"


def of_meta(word: Any) -> Verdict:
    """The verdict on a message type of Meta's Cloud API; a missing one is unknown too."""
    plain = shapes.text(word).strip()
    return META.get(plain) or unknown(plain)


def of_web(word: Any) -> Verdict:
    """The verdict on a message type of WhatsApp Web, which says "chat" for text; a missing one is unknown too."""
    plain = shapes.text(word).strip().lower()
    return WEB.get(plain) or unknown(plain)


def _messages(**types: str) -> dict[str, Verdict]:
    return {name: Verdict(kind) for kind, names in types.items() for name in names.split()}


def _notices(**types: str) -> dict[str, Verdict]:
    return {name: Verdict(notice=code) for code, names in types.items() for name in names.split()}


# Fields of waE2E.Message. A wrapper stands here for the case that there is nothing inside it.
PROTOBUF: dict[str, Verdict] = {
    **_messages(
        text="conversation extendedTextMessage buttonsMessage buttonsResponseMessage listMessage listResponseMessage"
        " templateMessage templateButtonReplyMessage highlyStructuredMessage interactiveMessage"
        " interactiveResponseMessage commentMessage encCommentMessage statusQuotedMessage"
        " statusQuestionAnswerMessage questionResponseMessage richResponseMessage",
        image="imageMessage",
        audio="audioMessage",
        video="videoMessage ptvMessage",
        document="documentMessage documentWithCaptionMessage",
        sticker="stickerMessage lottieStickerMessage stickerPackMessage",
        location="locationMessage liveLocationMessage",
        contact="contactMessage contactsArrayMessage",
        reaction="reactionMessage encReactionMessage statusStickerInteractionMessage",
        poll="pollCreationMessage pollCreationMessageV2 pollCreationMessageV3 pollCreationMessageV4"
        " pollCreationMessageV5 pollCreationMessageV6 pollResultSnapshotMessage pollResultSnapshotMessageV3",
        other="orderMessage productMessage invoiceMessage sendPaymentMessage requestPaymentMessage"
        " paymentInviteMessage paymentReminderMessage splitPaymentMessage eventMessage eventInviteMessage"
        " groupInviteMessage newsletterAdminInviteMessage newsletterFollowerInviteMessageV2"
        " scheduledCallCreationMessage requestPhoneNumberMessage musicMessage conditionalRevealMessage"
        " placeholderMessage viewOnceMessage viewOnceMessageV2 viewOnceMessageV2Extension",
    ),
    **_notices(
        edit="editedMessage secretEncryptedMessage",
        keys="senderKeyDistributionMessage fastRatchetKeySenderKeyDistributionMessage groupRootKeyShare"
        " rootSecretDistributeMessage",
        protocol="protocolMessage chat stickerSyncRmrMessage limitSharingMessage",
        call="call callLogMesssage bcallMessage scheduledCallEditMessage",
        pin="pinInChatMessage",
        keep="keepInChatMessage",
        album="albumMessage",
        part="eventCoverImage pollCreationOptionImageMessage",
        vote="pollUpdateMessage pollAddOptionMessage encEventResponseMessage",
        payment="declinePaymentRequestMessage cancelPaymentRequestMessage splitPaymentUpdateMessage",
        history="messageHistoryBundle messageHistoryNotice",
        status="statusMentionMessage groupStatusMentionMessage statusNotificationMessage statusAddYours"
        " groupStatusMessage groupStatusMessageV2",
        newsletter="newsletterAdminProfileMessage newsletterAdminProfileStatusMessage",
        bot="botTaskMessage botPlatformRegistrationSuccessMessage",
    ),
}

# WAWeb's ProtocolMessage.Type by number and name; a type that is not here is a notice all the same ("protocol").
PROTOCOL: dict[str, Verdict] = _notices(
    revoke="0 REVOKE",
    timer="3 EPHEMERAL_SETTING 4 EPHEMERAL_SYNC_RESPONSE",
    history="5 HISTORY_SYNC_NOTIFICATION",
    keys="6 APP_STATE_SYNC_KEY_SHARE 7 APP_STATE_SYNC_KEY_REQUEST",
    edit="14 MESSAGE_EDIT",
    bot="19 BOT_FEEDBACK_MESSAGE",
)

# WebMessageInfo.StubType by number and name, which Baileys gives to what has no content of its own; every other
# stub is a notice ("system").
STUBS: dict[str, Verdict] = {
    **_messages(
        waiting="2 CIPHERTEXT 47 PAYMENT_CIPHERTEXT",
        unknown="3 FUTUREPROOF 48 PAYMENT_FUTUREPROOF 220 QUARANTINED_MESSAGE",
        other="68 OVERSIZED 74 VIEWED_ONCE",
    ),
    **_notices(
        revoke="1 REVOKE 132 ADMIN_REVOKE",
        encryption="38 E2E_IDENTITY_CHANGED 39 E2E_ENCRYPTED 73 E2E_DEVICE_CHANGED 75 E2E_ENCRYPTED_NOW"
        " 118 E2E_IDENTITY_UNAVAILABLE 131 E2E_DEVICE_FETCH_FAILED",
        call="40 CALL_MISSED_VOICE 41 CALL_MISSED_VIDEO 45 CALL_MISSED_GROUP_VOICE 46 CALL_MISSED_GROUP_VIDEO"
        " 169 SILENCED_UNKNOWN_CALLER_AUDIO 170 SILENCED_UNKNOWN_CALLER_VIDEO",
        timer="72 CHANGE_EPHEMERAL_SETTING 123 EPHEMERAL_SETTING_NOT_APPLIED 130 DISAPPEARING_MODE",
        pin="177 PINNED_MESSAGE_IN_CHAT",
        keep="143 EPHEMERAL_KEEP_IN_CHAT",
    ),
}

# The edit attribute that whatsmeow's MessageInfo carries: the post is about an older message.
EDITS: dict[str, Verdict] = _notices(edit="1 3", pin="2", revoke="7 8")

# Message types of WhatsApp Web, as WPPConnect and WAHA's WEBJS and WPP engines hand them on.
WEB: dict[str, Verdict] = {
    **_messages(
        text="chat template_button_reply list list_response buttons_response interactive interactive_response"
        " native_flow hsm comment rich_response",
        image="image",
        audio="audio ptt",
        video="video ptv gif",
        document="document",
        sticker="sticker sticker_pack sticker-pack",
        location="location live_location",
        contact="vcard multi_vcard",
        reaction="reaction reaction_enc",
        poll="poll_creation poll_result_snapshot",
        other="order product payment groups_v4_invite newsletter_admin_invite newsletter_follower_invite"
        " event_creation scheduled_event_creation scheduled_call_creation request_phone_number oversized",
        waiting="ciphertext",
    ),
    **_notices(
        revoke="revoked",
        encryption="e2e_notification",
        system="notification notification_template group_notification gp2 broadcast_notification"
        " newsletter_notification",
        protocol="protocol",
        call="call_log",
        pin="pinned_message",
        keep="keep_in_chat",
        album="album",
        vote="poll_update event_response",
        history="message_history_notice message_history_bundle",
        status="status_notification",
        debug="debug debug_placeholder",
    ),
}

# What a `message` of GOWA carries: it tells the type only by the field that holds the content.
GOWA: dict[str, Verdict] = _messages(
    image="image",
    video="video video_note",
    audio="audio",
    document="document",
    sticker="sticker",
    contact="contact contacts_array",
    location="location live_location",
    poll="poll",
    other="order",
    text="list interactive interactive_media body",
)
# Fields that only stand beside what a person wrote or sent on, even when the content itself was not handed over.
GOWA_MARKS: dict[str, Verdict] = _messages(other="view_once forwarded replied_to_id quoted_body")

# Message types of Meta's Cloud API, of `unsupported` too: the pages below "messages webhook reference", one per type.
META: dict[str, Verdict] = {
    **_messages(
        text="text button interactive list link_preview template hsm",
        image="image",
        audio="audio voice",
        video="video gif",
        document="document",
        sticker="sticker",
        location="location",
        contact="contacts",
        reaction="reaction",
        poll="poll poll_creation",
        other="order product group_invite unsupported unknown errors",
        waiting="media_placeholder",
    ),
    **_notices(
        edit="edit",
        revoke="revoke",
        pin="pin",
        keep="keep_in_chat",
        vote="poll_update",
        timer="ephemeral",
        system="system request_welcome",
    ),
}
