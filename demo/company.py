"""Kaos Kita, a T-shirt printer in Bandung: its six CS, five numbers with the labels each keeps, and its campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from demo.senders import Tag

# What a label is for. The number beside it: after how many days on a chat the standard taxonomy calls it stale.
NEW, HOT, HIGH, MIDDLE, LOW, COLD = "new", "hot", "grade a", "grade b", "grade c", "cold"
WAITING, WON, LOYAL, AFTER, COMPLAINT = "waiting", "won", "loyal", "after sales", "complaint"
STALE_DAYS = {NEW: 2, HOT: 7, HIGH: 7, MIDDLE: 14, LOW: 14, COLD: 30, WAITING: 3, AFTER: 7, COMPLAINT: 2}
HIGH_QUALITY = frozenset({HOT, HIGH})
PROSPECT = frozenset({NEW, HOT, HIGH, MIDDLE, LOW, COLD, WAITING})
EXCLUSIVE = (frozenset({HOT, COLD}), frozenset({HIGH, MIDDLE, LOW}), frozenset({WAITING, WON}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopAgent:
    """How one CS works. Shares are 0 to 1; `label_minutes` and `reply_minutes` are medians.

    `sees_buyers` is how often a later buyer is graded high, `false_hope` how often anybody else is; `tidy` how often
    the old label comes off when the next goes on.
    """

    code: str
    reply_minutes: float
    label_minutes: float
    never_labels: float
    sees_buyers: float
    false_hope: float
    tidy: float


RINA = ShopAgent(code="rina", reply_minutes=4, label_minutes=12, never_labels=0.02, sees_buyers=0.85, false_hope=0.06,
             tidy=0.97)  # fmt: skip
DEWI = ShopAgent(code="dewi", reply_minutes=9, label_minutes=45, never_labels=0.05, sees_buyers=0.75, false_hope=0.10,
             tidy=0.92)  # fmt: skip
BUDI = ShopAgent(code="budi", reply_minutes=35, label_minutes=900, never_labels=0.28, sees_buyers=0.80, false_hope=0.55,
             tidy=0.45)  # fmt: skip
SARI = ShopAgent(code="sari", reply_minutes=12, label_minutes=90, never_labels=0.08, sees_buyers=0.35, false_hope=0.07,
             tidy=0.80)  # fmt: skip
AGUS = ShopAgent(code="agus", reply_minutes=25, label_minutes=300, never_labels=0.15, sees_buyers=0.60, false_hope=0.30,
             tidy=0.60)  # fmt: skip
PUTRI = ShopAgent(code="putri", reply_minutes=6, label_minutes=25, never_labels=0.04, sees_buyers=0.70, false_hope=0.12,
              tidy=0.90)  # fmt: skip
AGENTS = (RINA, DEWI, BUDI, SARI, AGUS, PUTRI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One WhatsApp number: `share` of the contacts, whose it is, and what it calls its labels.

    `heir` takes it over in the middle of the story. `unused` are labels that exist and are never put on anybody. `twin`
    is one more label of the CS's own, which says the same as `extra` and nearly always comes with it.
    """

    key: str
    gateway: str
    name: str
    team: str
    phone: str
    lid: str
    share: float
    agent: ShopAgent
    heir: ShopAgent | None = None
    zone: str = ""
    tags: dict[str, Tag]
    unused: tuple[Tag, ...] = ()
    extra: Tag | None = None  # a label of the CS's own, which means nothing to anybody else
    twin: Tag | None = None


NUMBERS = (
    Number(
        key="toko-bandung", gateway="waha", name="Toko Bandung", team="Toko", phone="6281110000001",
        lid="110000000000001", share=0.26, agent=RINA,
        tags={NEW: Tag("1", "Pelanggan baru", 4), HIGH: Tag("7", "Grade A", 2), MIDDLE: Tag("8", "Grade B", 3),
              LOW: Tag("9", "Grade C", 9), WAITING: Tag("3", "Menunggu pembayaran", 5), WON: Tag("5", "Selesai", 12),
              LOYAL: Tag("10", "Pelanggan loyal", 1), AFTER: Tag("11", "Purna jual", 14),
              COMPLAINT: Tag("12", "Komplain", 13)},
        unused=(Tag("2", "Pesanan baru", 7), Tag("20", "cancel", 16)), extra=Tag("21", "Reseller", 19),
    ),
    Number(
        key="iklan-ig", gateway="gowa", name="Iklan Instagram", team="Online", phone="6281110000002",
        lid="110000000000002", share=0.22, agent=BUDI,
        tags={NEW: Tag("1", "New customer", 4), HIGH: Tag("6", "GRADE-A 🔥", 2), HOT: Tag("7", "Hot", 16),
              COLD: Tag("8", "Cold", 1), WAITING: Tag("3", "Pending payment", 5), WON: Tag("4", "Paid", 12),
              COMPLAINT: Tag("9", "Complaint", 13)},
        unused=(Tag("14", "test", 0), Tag("15", "VIP???", 19), Tag("16", "jgn dihapus", 8)),
        extra=Tag("11", "Tanya2 doang", 6),
    ),
    Number(
        key="grosir", gateway="wuzapi", name="Grosir & Reseller", team="Toko", phone="6281110000003",
        lid="110000000000003", share=0.18, agent=DEWI,
        tags={HIGH: Tag("31", "grade a", 2), MIDDLE: Tag("32", "Grade B.", 3), LOW: Tag("33", "grade c", 9),
              WAITING: Tag("34", "Menunggu transfer", 5), WON: Tag("35", "Selesai ✅", 12),
              LOYAL: Tag("36", "Langganan", 1), AFTER: Tag("37", "After sales", 14)},
        unused=(Tag("38", "Batal order", 10),), extra=Tag("39", "Nego harga", 11),
    ),
    Number(
        key="marketplace", gateway="evolution", name="Dari marketplace", team="Online", phone="6281110000004",
        lid="110000000000004", share=0.18, agent=SARI, zone="Asia/Singapore",
        tags={NEW: Tag("1", "Lead baru", 4), HOT: Tag("5", "panas", 13), COLD: Tag("6", "dingin", 1),
              WAITING: Tag("2", "New order", 5), WON: Tag("4", "Order complete", 12),
              COMPLAINT: Tag("7", "KOMPLAIN!!", 13)},
        unused=(Tag("3", "Pending payment", 8),), extra=Tag("8", "Tanya stok", 6),
    ),
    Number(
        key="tim-malam", gateway="generic", name="Tim sore & malam", team="Online", phone="6281110000005",
        lid="110000000000005", share=0.16, agent=AGUS, heir=PUTRI,
        tags={NEW: Tag("a1", "Pertanyaan baru", 4), HIGH: Tag("a2", "Grade A", 2), MIDDLE: Tag("a3", "Grade B", 3),
              LOW: Tag("a4", "Grade C", 9), WAITING: Tag("a5", "Menunggu pembayaran", 5), WON: Tag("a6", "Lunas", 12),
              COMPLAINT: Tag("a7", "Komplain", 13)},
        unused=(Tag("a8", "Panas bulan ini", 0),), extra=Tag("a9", "Follow up besok", 17),
        twin=Tag("a10", "FU", 17),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What makes people write: a campaign (`code` set) or none. `buys` is the share of them that ends up buying.

    An ad shows itself by `ad_id`, a code by `keyword` in the first message. `since` and `until` count from the
    beginning of the story.
    """

    weight: float
    buys: float
    code: str = ""
    name: str = ""
    medium: str = ""
    cost: int = 0
    ad_id: str = ""
    headline: str = ""
    keyword: str = ""
    since: timedelta = timedelta(0)
    until: timedelta = timedelta(days=60)


SOURCES = (
    Source(weight=0.36, buys=0.20),
    Source(weight=0.22, buys=0.14, code="ig-kaos-komunitas", name="IG Kaos Komunitas", medium="Instagram",
           cost=7_500_000, ad_id="120210000000000101", headline="Kaos komunitas mulai 45 ribu",
           since=timedelta(days=5), until=timedelta(days=50)),
    Source(weight=0.18, buys=0.05, code="fb-kaos-murah", name="FB Kaos Murah", medium="Facebook",
           cost=6_000_000, ad_id="120210000000000202", headline="Kaos polos cuma 25 ribu!",
           since=timedelta(days=15), until=timedelta(days=45)),
    Source(weight=0.12, buys=0.30, code="tiktok-kaos25", name="TikTok KAOS25", medium="TikTok", cost=3_000_000,
           keyword="KAOS25", since=timedelta(days=20), until=timedelta(days=60)),
    Source(weight=0.08, buys=0.38, code="seragam-kantor", name="Seragam kantor", medium="Brosur", cost=1_250_000,
           keyword="SRG24", since=timedelta(days=0), until=timedelta(days=60)),
    # An ad nobody has entered as a campaign yet.
    Source(weight=0.04, buys=0.12, ad_id="120210000000000909", headline="Sablon satuan"),
)  # fmt: skip
