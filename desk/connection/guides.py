"""The guides: how to set up each gateway, what it loses, and what to look at when nothing arrives.

Texts are plain sentences in which `backticks` mark what is typed or read in the gateway. Code may hold the
placeholders of `PLACEHOLDERS`; they are filled in for one channel by `fill`. docs/gateways.md and
docs/gateways.id.md are written from this table.

Sources: WAHA documentation (events, labels, sessions, security; 2026.7), GOWA docs/webhook-payload.md and openapi
(v9.2), Wuzapi API.md, Evolution API 2.3.7, WPPConnect server 2.10, Meta's Cloud API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
PLACEHOLDERS = ("{url}", "{secret}", "{verify}", "{session}", "{gateway}")


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing to do. `code` is what to type or send."""

    text: Text
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """One gateway's guide.

    `session` names what the gateway calls an account ("" = it has no name for it). `no_labels` says what to look at
    when messages arrive and labels do not; `test` how to make the first event; `loses` what never reaches us.
    """

    summary: Text
    session: Text = ""
    steps: tuple[GuideStep, ...]
    test: Text
    no_labels: Text
    loses: tuple[Text, ...]
    notes: tuple[Text, ...] = ()


def fill(code: str, values: Mapping[str, str]) -> str:
    """`code` with each `{name}` of `values` replaced; JSON's own braces stay."""
    for name, value in values.items():
        code = code.replace("{" + name + "}", value)
    return code


# -- The guides -------------------------------------------------------------------------------------------------------

NOBODY = _("Who put a label on: no gateway tells. It is taken from the owner of the number.")
WHILE_AWAY = _("Changes made while the gateway was not running or not connected to WhatsApp, for the most part.")

WAHA = Guide(
    summary=_("The best documented one: it signs its posts and tells the time of every change."),
    session=_("session name"),
    steps=(
        GuideStep(
            _(
                "Check the engine. `NOWEB` and `GOWS` send all label events; `WPP` sends only labels put on and "
                "taken off, no names; `WEBJS` sends no label event at all."
            ),
            "WHATSAPP_DEFAULT_ENGINE=GOWS",
        ),
        GuideStep(
            _(
                "Open the session in WAHA's dashboard (Sessions → your session → Configuration) or send this to "
                "`PUT /api/sessions/{session}`. The `hmac` key is the secret, and groups are left out at the source."
            ),
            """{
  "config": {
    "webhooks": [{
      "url": "{url}",
      "events": ["message.any", "session.status", "label.upsert", "label.deleted",
                 "label.chat.added", "label.chat.deleted"],
      "hmac": {"key": "{secret}"},
      "retries": {"policy": "exponential", "delaySeconds": 2, "attempts": 15}
    }],
    "ignore": {"status": true, "groups": true, "channels": true, "broadcast": true},
    "noweb": {"store": {"enabled": true, "fullSync": false}}
  }
}""",
        ),
        GuideStep(_("Restart the session, and wait until its status is `WORKING`.")),
    ),
    test=_("Put any label on a personal chat in WhatsApp Business. It arrives here within a second."),
    no_labels=_(
        "Is the engine `NOWEB` or `GOWS`? `WEBJS` never sends labels. Are the four `label.*` events in the webhook's "
        "list? With `NOWEB` the store must be enabled."
    ),
    loses=(
        NOBODY,
        WHILE_AWAY,
        _("WhatsApp's own time: WAHA tells when it made the event."),
        _("Labels on single messages, and with `WPP` the names of labels."),
    ),
    notes=(
        _(
            "Set the webhook in one place only. The same address in the session and in `WHATSAPP_HOOK_URL` posts "
            "everything twice; it counts once here, but doubles the traffic."
        ),
        _(
            "A freshly paired `GOWS` session sends nothing about labels that exist already: they are known from their "
            "next change on."
        ),
        _("`GOWS` was seen to stop sending while its status stayed `WORKING`: watch the time of the last event."),
    ),
)

GOWA = Guide(
    summary=_("Go WhatsApp Web Multidevice. Always signs, and tells WhatsApp's own time of each label change."),
    session=_("device name (`session_id`, as given at `POST /devices`)"),
    steps=(
        GuideStep(
            _(
                "Set webhook and secret for this device with `PATCH /devices/{device_id}/webhook`. Leave "
                "`webhook_events` empty: then all events come, labels among them."
            ),
            '{"webhook_url": "{url}", "webhook_secret": "{secret}", "webhook_events": ""}',
        ),
        GuideStep(
            _("Or, where one GOWA serves one number only, in its environment:"),
            "WHATSAPP_WEBHOOK={url}\nWHATSAPP_WEBHOOK_SECRET={secret}\nWHATSAPP_WEBHOOK_IGNORE_JIDS=@g.us",
        ),
        GuideStep(
            _(
                "Leave groups out at the source with `WHATSAPP_WEBHOOK_IGNORE_JIDS=@g.us`. Never put "
                "`@s.whatsapp.net` there: that is every customer."
            )
        ),
        GuideStep(_("GOWA's default secret is the word `secret`. It is refused here: anybody could sign with it.")),
    ),
    test=_("Put any label on a personal chat. Then rename a label once in WhatsApp: that makes GOWA tell its name."),
    no_labels=_(
        "GOWA must be newer than May 2026: older ones have no label events. Is `WHATSAPP_WEBHOOK_EVENTS` empty, or "
        "does it name `label.edit` and `label.association`?"
    ),
    loses=(
        NOBODY,
        WHILE_AWAY,
        _("Labels from before the pairing: labels are known only since then, and there is no way to ask for them."),
        _("An outage of half a minute loses label changes for good: GOWA tries 5 times within 30 seconds."),
        _("Setting labels from here: GOWA has no way to do it."),
    ),
    notes=(
        _(
            "A label that GOWA has not named yet shows as “Label 9”. Name it further down, or rename it once in "
            "WhatsApp: WhatsApp's name always wins."
        ),
        _("GOWA says nothing about its connection: a stop shows only as silence."),
    ),
)

WUZAPI = Guide(
    summary=_("Small and complete: label times from WhatsApp, can be asked for all labels, and can set labels."),
    session=_("instance name (the user's name in Wuzapi)"),
    steps=(
        GuideStep(
            _(
                "Set the HMAC key of the user, at least 32 characters. Without it Wuzapi does not sign and every "
                "post is refused."
            ),
            "curl -X POST -H 'Token: USER_TOKEN' -H 'Content-Type: application/json' \\\n"
            '  -d \'{"hmac_key": "{secret}"}\' http://WUZAPI:8080/session/hmac/config',
        ),
        GuideStep(
            _("Set the webhook and subscribe to these events, in the dashboard or with `POST /webhook`."),
            '{"webhookURL": "{url}", "events": ["Message", "LabelEdit", "LabelAssociationChat", "Connected", '
            '"Disconnected", "LoggedOut", "PairSuccess"]}',
        ),
        GuideStep(
            _("Prefer JSON: forms are understood too, but JSON is signed as it is sent."),
            "WEBHOOK_FORMAT=json",
        ),
        GuideStep(_("Turn retries on in Wuzapi's settings; without them it tries once.")),
    ),
    test=_("Put any label on a personal chat in WhatsApp Business."),
    no_labels=_(
        "Are `LabelEdit` and `LabelAssociationChat` among the events? Versions before mid 2025 have no label events."
    ),
    loses=(
        NOBODY,
        WHILE_AWAY,
        _("Posts with files: their signature covers another text than what is sent, so they cannot be verified."),
        _("Labels on single messages: they are told apart and ignored."),
    ),
    notes=(_("After a key was set, a running Wuzapi may go on unsigned until the user is connected again."),),
)

EVOLUTION = Guide(
    summary=_(
        "Widely used, and the weakest for labels: does not sign, tells local time, drops events in some versions."
    ),
    session=_("instance name"),
    steps=(
        GuideStep(
            _(
                "Set the webhook of the instance with `POST /webhook/set/{instance}`. The address ends with a secret "
                "token: treat it like a password. `webhookByEvents` must stay `false`."
            ),
            """{
  "webhook": {
    "enabled": true,
    "url": "{url}",
    "webhookByEvents": false,
    "webhookBase64": false,
    "events": ["LABELS_EDIT", "LABELS_ASSOCIATION", "MESSAGES_UPSERT", "CONTACTS_UPSERT", "CONNECTION_UPDATE"]
  }
}""",
        ),
        GuideStep(
            _(
                "Up to version 2.3.6 on PostgreSQL a fault in Evolution (error 42P10) swallows every label event. "
                "Update to 2.3.7 or newer, or set this and restart:"
            ),
            "DATABASE_SAVE_DATA_CHATS=false",
        ),
        GuideStep(
            _(
                "Set the time zone of the gateway on this channel. Evolution sends local time but marks it as UTC; "
                "without the zone the time of receipt counts. Its Docker image runs in `America/Sao_Paulo` unless "
                "told otherwise:"
            ),
            "TZ=Asia/Jakarta",
        ),
    ),
    test=_("Put any label on a personal chat in WhatsApp Business."),
    no_labels=_(
        "Most likely the database fault of versions up to 2.3.6 (42P10): update, or set "
        "`DATABASE_SAVE_DATA_CHATS=false`. Are `LABELS_EDIT` and `LABELS_ASSOCIATION` among the events?"
    ),
    loses=(
        NOBODY,
        WHILE_AWAY,
        _("The difference between a label on a chat and one on a single message: both look alike."),
        _("WhatsApp's own time; and of several quick changes made while offline only the last."),
        _("Events for labels set through Evolution's own API."),
    ),
    notes=(
        _(
            "Right after pairing Evolution repeats all labels as if they were new. A burst of them counts as "
            "“already there”."
        ),
        _("Set the webhook on the instance or globally, not both: otherwise everything comes twice."),
    ),
)

WPPCONNECT = Guide(
    summary=_("Sends labels put on and taken off, with names. Does not sign, and tries each post only once."),
    session=_("session name"),
    steps=(
        GuideStep(
            _(
                "Set the webhook in `config.ts`, or per session when it is started (`POST "
                "/api/{session}/start-session`). The address ends with a secret token: treat it like a password."
            ),
            """webhook: {
  url: "{url}",
  readMessage: false,
  onLabelUpdated: true,
  onSelfMessage: true,
  autoDownload: false,
  listenAcks: false,
  onPresenceChanged: false,
  ignore: ["status@broadcast"],
}""",
        ),
        GuideStep(
            _(
                "`readMessage: false` matters: with `true`, the default, WPPConnect marks every chat as read on the "
                "phone as soon as we accept the message."
            )
        ),
        GuideStep(_("`onSelfMessage: true` lets the answers of your people arrive; it is off by default.")),
    ),
    test=_("Put any label on a personal chat in WhatsApp Business."),
    no_labels=_("Is `onLabelUpdated: true` set, and is the account a WhatsApp Business account?"),
    loses=(
        NOBODY,
        WHILE_AWAY,
        _("The time of a label change: the time of receipt counts."),
        _("Renaming and deleting labels: a new name is noticed with the next use."),
        _("Anything posted while this server was down: WPPConnect tries once."),
    ),
)

CLOUDAPI = Guide(
    summary=_("Meta's official API. Messages and ad clicks arrive; WhatsApp labels do not exist there."),
    session=_("phone number id"),
    steps=(
        GuideStep(
            _(
                "In Meta's developer console open your app → WhatsApp → Configuration. Type in this callback URL and "
                "the verify token, then press “Verify and save”."
            ),
            "Callback URL: {url}\nVerify token: {verify}",
        ),
        GuideStep(
            _(
                "Subscribe to the field `messages`. If the number is also used in the WhatsApp Business app, subscribe "
                "to `smb_message_echoes` (what is typed there), `smb_app_state_sync` (its address book) and `history` "
                "(its chats of the last six months) too."
            )
        ),
        GuideStep(
            _(
                "Copy the app secret (App settings → Basic) and set it here as this channel's secret, below: Meta "
                "signs every post with it."
            )
        ),
    ),
    test=_("Send a message to the number from any phone."),
    no_labels=_(
        "That is as it should be: Meta has no labels. Labels of this number are set here, on the contact page."
    ),
    loses=(
        _("WhatsApp labels: Meta does not hand them out, not even for numbers that are also used in the app."),
        _("Who of your people answered in the app."),
        _("The content of messages that Meta calls unsupported; that somebody wrote is kept and counts."),
    ),
    notes=(
        _(
            "Somebody with a WhatsApp username may hide their number. They are a contact all the same, shown by "
            "username; when Meta tells their number, it joins the contact who has it. A change of number or of Meta's "
            "user id comes with `messages`: there is nothing else to subscribe to."
        ),
        _(
            "`history` comes once, after the owner of the app agreed to share its chats. It fills in when people first "
            "and last wrote; it is nobody's work and in no figure about your team. Its posts may be large: set "
            "`WEBHOOK_MAX_BYTES` to 4194304 before you ask for it."
        ),
    ),
)

GENERIC = Guide(
    summary=_("For everything else: anything that can send JSON, such as n8n or a bot of your own."),
    steps=(
        GuideStep(
            _("Post one JSON object per event to this address. It ends with a secret token: treat it like a password."),
            "curl -X POST -H 'Content-Type: application/json' '{url}' -d '{\n"
            '  "id": "event-1", "type": "label.added", "at": "2026-03-02T10:00:00+07:00",\n'
            '  "chat": "6281200000001", "name": "Budi", "label": {"id": "5", "name": "Grade A", "color": 2}\n'
            "}'",
        ),
        GuideStep(
            _(
                "`type` is `label.added`, `label.removed`, `label.saved`, `label.deleted`, `message` or `status`. "
                "`id` is required and tells repeats apart: send the same id again and it counts once."
            ),
            '{"id": "event-2", "type": "message", "at": "2026-03-02T10:01:00+07:00", "chat": "6281200000001",\n'
            ' "message": {"id": "ABC1", "text": "Halo", "from_me": false, "ad": {"source_id": "12", "ref": "promo"}}}\n'
            '{"id": "event-3", "type": "status", "at": "2026-03-02T10:02:00+07:00", "status": "working"}',
        ),
        GuideStep(
            _(
                "`at` is ISO 8601; without an offset it is taken as business time. `chat` is a number in digits or a "
                "JID; with a LID add `phone` where it is known. `color` is WhatsApp's index 0 to 19 or `#rrggbb`."
            )
        ),
        GuideStep(
            _(
                "The answer is 202 when it was stored, 200 for a repeat. Send again, with the same id, after 503 or "
                "no answer."
            )
        ),
    ),
    test=_("Send the example above, with your own number as `chat`."),
    no_labels=_("Does your bridge send `label.added` and `label.removed`? Without `label.saved` a label has no name."),
    loses=(NOBODY, _("Whatever your bridge does not send again after a failure.")),
)

GUIDES: dict[str, Guide] = {
    "waha": WAHA,
    "gowa": GOWA,
    "wuzapi": WUZAPI,
    "evolution": EVOLUTION,
    "wppconnect": WPPCONNECT,
    "cloudapi": CLOUDAPI,
    "generic": GENERIC,
}
