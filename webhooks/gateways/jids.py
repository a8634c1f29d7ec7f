"""WhatsApp addresses: what a JID names, and the phone number or LID behind it.

Servers as in whatsmeow's types/jid.go. Only those that address one person are recorded: an allow-list.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from webhooks.gateways import shapes
from webhooks.gateways.events import Chat, ChatKind

MAX_LENGTH = 256

_PHONE_SERVERS = frozenset({"s.whatsapp.net", "c.us", "hosted"})
_LID_SERVERS = frozenset({"lid", "hosted.lid"})
_KINDS = {"g.us": ChatKind.GROUP, "broadcast": ChatKind.BROADCAST, "newsletter": ChatKind.NEWSLETTER}

_JID = re.compile(r"([^@\s]+)@([a-z0-9][a-z0-9.-]*)", re.ASCII)
_DEVICE = re.compile(r"(?:[._]\d{1,5})?(?::\d{1,5})?\Z", re.ASCII)  # user.agent:device
_PHONE = re.compile(r"[1-9]\d{6,14}", re.ASCII)  # E.164 without its plus
_LID = re.compile(r"[1-9]\d{4,19}", re.ASCII)
# Meta's own assistants have phone-like addresses (whatsmeow, types/jid.go, IsBot).
_BOT = re.compile(r"1313555\d{4}|131655500\d{2}", re.ASCII)


def chat(raw: Any, *alternates: Any, own: Collection[str] = ()) -> Chat:
    """Return what `raw` addresses: a JID of any server, or a phone number written with its country code.

    `alternates` are other addresses the gateway gives for the same chat; they fill in the phone or LID that `raw`
    does not tell, and only for a personal chat. `own` are numbers (E.164) and LIDs of the account itself, which say
    nothing of the other side. Where two addresses contradict each other one of them is somebody else's, and `raw`
    stands alone. Never raises: what cannot be read has the kind INVALID.
    """
    found = _classify(raw)
    if found.kind is not ChatKind.PERSONAL:
        return found
    others = [_classify(other) for other in alternates if other and other != raw]
    told = [other for other in others if other.kind is ChatKind.PERSONAL and _is_of_another(other, own)]
    if not told:
        return found
    told.append(found)
    phones, lids = {one.phone for one in told if one.phone}, {one.lid for one in told if one.lid}
    if len(lids) > 1 or (len(phones) > 1 and not _are_one_number(phones)):
        return found
    phone = found.phone or next(iter(sorted(phones)), None)
    return Chat(raw=found.raw, kind=found.kind, phone=phone, lid=next(iter(lids), None))


def _are_one_number(phones: Collection[str]) -> bool:
    """Whether these are the old and the new form of one number, as in Mexico, Argentina and Brazil."""
    from labelcrm.lib.phones import same_number

    return set(phones) <= set(same_number(next(iter(phones))))


def _is_of_another(chat: Chat, own: Collection[str]) -> bool:
    return chat.phone not in own and chat.lid not in own


def phone(raw: Any) -> str | None:
    """Return the E.164 number a personal address names, else None."""
    return _classify(raw).phone


def lid(raw: Any) -> str | None:
    """Return the digits of the LID a personal address names, else None."""
    return _classify(raw).lid


def _classify(raw: Any) -> Chat:
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw) if 0 < raw < 10**20 else ""
    if not isinstance(raw, str) or len(raw) > MAX_LENGTH:
        return Chat(raw="", kind=ChatKind.INVALID)
    return _classify_text(raw)


@lru_cache(maxsize=4096)  # a channel names its own number in every post, and a chat is named again and again
def _classify_text(raw: str) -> Chat:
    text = shapes.text(raw).strip()
    if match := _JID.fullmatch(text.lower()):
        return _of_server(raw=text, user=match[1], server=match[2])
    return _of_user(raw=text, user=text if _PHONE.fullmatch(text) else _spelled(text))


def _spelled(text: str) -> str:
    """The digits of the one number that somebody typed with its country code; else `text`, which is then no number."""
    from labelcrm.lib import phones  # only where somebody typed: numbering plans are large, and gateways send digits

    number = phones.readings(text, region=None).number
    return number.removeprefix("+") if number else text


def _of_server(*, raw: str, user: str, server: str) -> Chat:
    if server in _PHONE_SERVERS:
        return _of_user(raw=raw, user=_DEVICE.sub("", user).removeprefix("+"))
    if server in _LID_SERVERS:
        digits = _DEVICE.sub("", user)
        known = _LID.fullmatch(digits)
        return Chat(raw=raw, kind=ChatKind.PERSONAL if known else ChatKind.INVALID, lid=digits if known else None)
    if server == "broadcast" and user == "status":
        return Chat(raw=raw, kind=ChatKind.STATUS)
    return Chat(raw=raw, kind=_KINDS.get(server, ChatKind.OTHER))


def _of_user(*, raw: str, user: str) -> Chat:
    if user == "0" or _BOT.fullmatch(user):
        return Chat(raw=raw, kind=ChatKind.OTHER)
    if not _PHONE.fullmatch(user):
        return Chat(raw=raw, kind=ChatKind.INVALID)
    return Chat(raw=raw, kind=ChatKind.PERSONAL, phone=f"+{user}")
