"""How people and programs head their columns, by what we call them. Pure.

Google Contacts, Outlook and Chatwoot head theirs as they do below; the others are what Indonesian shops write.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from labelcrm.lib.text import legible
from transfer import exports

ROW_NUMBER = "#"  # the column that carries each row's line in the file
OTHER_ID = "other_id"  # what an id of somebody else's file is called
# Headings of an export that other programs hardly write, and never two of them.
_OURS = frozenset(exports.COLUMNS) - {"id", "phone", "name", "labels", "campaign", "channels"}

# Of several columns with one meaning the spelling that stands first here counts: a WhatsApp number before a landline.
SPELLINGS = {
    "phone": (
        "phone", "whatsapp", "no wa", "nomor wa", "no whatsapp", "nomor whatsapp", "whatsapp number", "wa", "phone wa",
        "no hp wa", "no wa hp", "nomor hp wa", "no telp wa", "no handphone wa", "mobile phone", "mobile",
        "mobile number", "primary phone", "phone number", "phone 1 value", "hp", "no hp", "nomor hp",
        "no handphone", "nomor handphone",
        "handphone", "ponsel", "no ponsel", "nomor ponsel", "telepon seluler", "nomor", "no telepon", "nomor telepon",
        "telepon", "telp", "no telp", "nomor telp", "no tlp", "tlp", "kontak wa", "kontak hp", "cellphone",
        "cell phone", "contact number", "no kontak", "nomor kontak", "phone 2 value", "home phone", "business phone",
    ),
    "name": (
        "name", "nama", "nama kontak", "nama pelanggan", "nama customer", "nama pembeli", "nama penerima",
        "nama lengkap",
        "contact name", "full name", "fullname", "customer name", "customer", "pelanggan", "display name", "file as",
    ),
    "first_name": ("first name", "given name", "nama depan"),
    "middle_name": ("middle name", "additional name", "nama tengah"),
    "last_name": ("last name", "family name", "surname", "nama belakang"),
    "assigned_to": ("assigned to", "agent", "agen", "cs", "admin cs", "ditangani", "ditangani oleh", "assignee"),
    "campaign": ("campaign", "kampanye", "promo"),
    "opted_out": (
        "opted out", "opt out", "berhenti", "berhenti langganan", "menolak broadcast", "tolak broadcast",
        "unsubscribed",
    ),
    "follow_up_at": ("follow up at", "follow up", "followup", "tindak lanjut", "tanggal follow up", "tgl follow up"),
    "lids": ("lids", "lid"),
    "user_ids": ("user ids", "user id", "bsuid"),
    # Of campaigns.
    "code": ("code", "kode", "kode kampanye", "campaign code"),
    "source": ("source", "sumber"),
    "cost": ("cost", "biaya", "biaya rp", "cost rupiah", "anggaran", "budget"),
    "starts_on": ("starts on", "mulai", "tanggal mulai", "tgl mulai", "start date"),
    "ends_on": ("ends on", "selesai", "berakhir", "tanggal selesai", "tgl selesai", "end date"),
}  # fmt: skip
_KNOWN = {spelling: (name, rank) for name, spellings in SPELLINGS.items() for rank, spelling in enumerate(spellings)}
_SIGNS = re.compile(r"[\s_.\-:*/()#]+")
_PARTS_OF_A_NAME = ("first_name", "middle_name", "last_name")


def is_known(heading: str) -> bool:
    """Whether `heading` is one of ours or means the same."""
    return _plain(heading) in _KNOWN or _plain(heading) == "id"


def our_names(found: Iterable[str]) -> list[str]:
    """Our names for the columns of a file, as far as we know them; each name stands once.

    An id is ours only in our own export: customer numbers of other programs are no ids of our contacts.
    """
    texts = [" ".join(legible(text).split()) for text in found]
    chosen = _chosen(texts)
    own = is_our_export(texts)
    named: list[str] = []
    for place, text in enumerate(texts):
        name = chosen.get(place) or (_id_name(own) if _plain(text) == "id" else text or f"column {place + 1}")
        taken = name in named or (place not in chosen and name in _SPELLED)
        named.append(f"{name} ({place + 1})" if taken else name)
    return named


def is_our_export(found: Iterable[str]) -> bool:
    """Whether a file with these headings is an export of ours, also one that lost columns since."""
    written = set(found)
    return written >= {"id", "phone"} and bool({"lids", "user_ids"} & written or len(written & _OURS) > 1)


def _chosen(texts: Collection[str]) -> dict[int, str]:
    """For each of our names the place of the column that has it."""
    best: dict[str, tuple[int, int]] = {}
    for place, text in enumerate(texts):
        if known := _KNOWN.get(_plain(text)):
            name, rank = known
            best[name] = min(best.get(name, (rank, place)), (rank, place))
    return {place: name for name, (_rank, place) in best.items()}


_SPELLED = frozenset(SPELLINGS)


def _id_name(own: bool) -> str:
    return "id" if own else OTHER_ID


def _plain(text: str) -> str:
    return " ".join(_SIGNS.sub(" ", legible(text)).casefold().split())


def with_names_joined(headers: list[str], rows: Iterable[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The same table with a column “name”, where a file has first and last names only."""
    places = [headers.index(part) for part in _PARTS_OF_A_NAME if part in headers]
    if not places or "name" in headers:
        return headers, list(rows)
    return [*headers, "name"], [[*row, " ".join(filter(None, (row[p].strip() for p in places)))] for row in rows]
