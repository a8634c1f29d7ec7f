"""How people and programs head their columns, by what we call them. Pure.

Google Contacts, Outlook and Chatwoot head theirs as they do below; the others are what Indonesian shops write.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from labelcrm.lib.text import legible
from transfer import exports

CONTACTS, CAMPAIGNS, LABEL_MAPPING = "contacts", "campaigns", "label-mapping"
KINDS = (CONTACTS, CAMPAIGNS, LABEL_MAPPING)

ROW_NUMBER = "#"  # the column that carries each row's line in the file
OTHER_ID = "other_id"  # what an id of somebody else's file is called
# Headings of an export that other programs hardly write, and never two of them.
_OURS = frozenset(exports.COLUMNS) - {"id", "phone", "name", "labels", "campaign", "channels", "notes"}

Spellings = Mapping[str, tuple[str, ...]]

# Of several columns with one meaning the spelling that stands first here counts: a WhatsApp number before a landline.
SPELLINGS: Mapping[str, Spellings] = {
    CONTACTS: {
        "phone": (
            "phone", "whatsapp", "no wa", "nomor wa", "no whatsapp", "nomor whatsapp", "whatsapp number", "wa",
            "phone wa", "no hp wa", "no wa hp", "nomor hp wa", "no telp wa", "no handphone wa", "mobile phone",
            "mobile", "mobile number", "primary phone", "phone number", "phone 1 value", "hp", "no hp", "nomor hp",
            "no handphone", "nomor handphone", "handphone", "ponsel", "no ponsel", "nomor ponsel", "telepon seluler",
            "nomor", "no telepon", "nomor telepon", "telepon", "telp", "no telp", "nomor telp", "no tlp", "tlp",
            "kontak wa", "kontak hp", "cellphone", "cell phone", "contact number", "no kontak", "nomor kontak",
            "phone 2 value", "phone 3 value", "mobile phone 2", "home phone", "business phone", "other phone",
        ),
        "name": (
            "name", "nama", "nama kontak", "nama pelanggan", "nama customer", "nama pembeli", "nama penerima",
            "nama lengkap", "contact name", "full name", "fullname", "customer name", "customer", "pelanggan",
            "display name", "file as",
        ),
        "first_name": ("first name", "given name", "nama depan"),
        "middle_name": ("middle name", "additional name", "nama tengah"),
        "last_name": ("last name", "family name", "surname", "nama belakang"),
        "labels": ("labels", "label", "label wa", "label whatsapp", "whatsapp label", "label kontak"),
        "assigned_to": ("assigned to", "agent", "agen", "cs", "admin cs", "ditangani", "ditangani oleh", "assignee"),
        "campaign": ("campaign", "kampanye", "promo"),
        "notes": ("notes", "note", "catatan", "keterangan"),
        "opted_out": (
            "opted out", "opt out", "berhenti", "berhenti langganan", "menolak broadcast", "tolak broadcast",
            "unsubscribed",
        ),
        "follow_up_at": (
            "follow up at", "follow up", "followup", "tindak lanjut", "tanggal follow up", "tgl follow up",
        ),
        "lids": ("lids", "lid"),
        "user_ids": ("user ids", "user id", "bsuid"),
    },
    CAMPAIGNS: {
        "code": ("code", "kode", "kode kampanye", "campaign code"),
        "name": ("name", "nama", "nama kampanye", "campaign", "kampanye", "campaign name"),
        "source": ("source", "sumber"),
        "cost": ("cost", "biaya", "biaya rp", "cost rupiah", "anggaran", "budget"),
        "starts_on": ("starts on", "mulai", "tanggal mulai", "tgl mulai", "start date"),
        "ends_on": ("ends on", "selesai", "berakhir", "tanggal selesai", "tgl selesai", "end date"),
    },
    LABEL_MAPPING: {
        "number": (
            "number", "nomor", "channel", "kanal", "whatsapp number", "nomor whatsapp", "no whatsapp", "nomor wa",
            "no wa", "nama nomor",
        ),
        "whatsapp_label": ("whatsapp label", "label whatsapp", "label wa", "wa label", "label", "nama label"),
        "means": ("means", "artinya", "arti", "berarti", "meaning", "maksud", "maknanya"),
    },
}  # fmt: skip
_SIGNS = re.compile(r"[\s_.\-:*/()#]+")
_PARTS_OF_A_NAME = ("first_name", "middle_name", "last_name")
# What Google Contacts calls labels are its own groups.
_GOOGLES = re.compile(r"phone 1 (?:value|label|type)|e mail 1 (?:value|label|type)|group membership")


def _known(spellings: Spellings) -> dict[str, tuple[str, int]]:
    return {spelling: (name, rank) for name, every in spellings.items() for rank, spelling in enumerate(every)}


_KNOWN = {kind: _known(spellings) for kind, spellings in SPELLINGS.items()}


def is_known(heading: str, kind: str = CONTACTS) -> bool:
    """Whether `heading` is one of ours or means the same, in a file of this kind."""
    return _plain(heading) in _KNOWN[kind] or _plain(heading) == "id"


def matched(found: Iterable[str], kind: str = CONTACTS) -> dict[int, str]:
    """By place the column of ours that a heading means; of several columns with one meaning the likeliest."""
    texts = _texts(found)
    googles = kind == CONTACTS and any(_GOOGLES.fullmatch(_plain(text)) for text in texts)
    best: dict[str, tuple[int, int]] = {}
    for place, text in enumerate(texts):
        name, rank = _KNOWN[kind].get(_plain(text), ("", 0))
        if name and not (googles and name == "labels"):
            best[name] = min(best.get(name, (rank, place)), (rank, place))
    return {place: name for name, (_rank, place) in sorted(best.items(), key=lambda each: each[1][1])}


def our_names(found: Iterable[str], kind: str = CONTACTS, *, chosen: Mapping[int, str] | None = None) -> list[str]:
    """Our names for the columns of a file, as far as we know them; each name stands once.

    `chosen` is what a person said that columns are, by place; without it they are matched by their headings. An id is
    ours only in our own export: customer numbers of other programs are no ids of our contacts.
    """
    texts = _texts(found)
    places = matched(texts, kind) if chosen is None else chosen
    own = is_our_export(texts)
    named: list[str] = []
    for place, text in enumerate(texts):
        name = places.get(place) or (_id_name(own) if _plain(text) == "id" else text or f"column {place + 1}")
        taken = name in named or (place not in places and (name in SPELLINGS[kind] or name == ROW_NUMBER))
        named.append(f"{name} ({place + 1})" if taken else name)
    return named


def is_our_export(found: Iterable[str]) -> bool:
    """Whether a file with these headings is an export of ours, also one that lost columns since."""
    written = set(found)
    return written >= {"id", "phone"} and bool({"lids", "user_ids"} & written or len(written & _OURS) > 1)


def other_phones(found: Iterable[str], kind: str = CONTACTS, *, chosen: Mapping[int, str]) -> list[int]:
    """The places of further columns with numbers, the likeliest first: read where the chosen one is empty.

    Only where the phone stands where its heading says: who chose another column meant that one alone.
    """
    texts = _texts(found)
    places = matched(texts, kind)
    phone = next((place for place, name in places.items() if name == "phone"), None)
    if kind != CONTACTS or phone is None or chosen.get(phone) != "phone":
        return []
    ranked = ((_KNOWN[kind].get(_plain(text), ("", 0)), place) for place, text in enumerate(texts))
    return [place for (name, _rank), place in sorted(ranked, key=_rank) if name == "phone" and place not in chosen]


def _rank(each: tuple[tuple[str, int], int]) -> tuple[int, int]:
    (_name, rank), place = each
    return rank, place


def _texts(found: Iterable[str]) -> list[str]:
    return [" ".join(legible(text).split()) for text in found]


def _id_name(own: bool) -> str:
    return "id" if own else OTHER_ID


def _plain(text: str) -> str:
    return " ".join(_SIGNS.sub(" ", legible(text)).casefold().split())


def places_of_a_name(headers: Collection[str]) -> list[int]:
    """The places of first, middle and last name, where a file has no column with the whole name."""
    headers = list(headers)
    places = [headers.index(part) for part in _PARTS_OF_A_NAME if part in headers]
    return [] if "name" in headers else places
