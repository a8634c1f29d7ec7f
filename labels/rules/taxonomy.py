"""The five standard categories and their labels, in Indonesian and English, as a new installation gets them.

Seeded once by a migration; from then on they belong to the people who edit them. Source: the product's
taxonomy (docs/taxonomy.md). `aliases` hold further spellings, the names WhatsApp itself seeds among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labels.rules.naming import normalize


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardLabel:
    name: str
    name_en: str = ""
    category: str
    meaning: str
    color: str = "neutral"
    step: int | None = None
    stale: int | None = None
    high: bool = False
    low: bool = False
    group: str = ""
    aliases: tuple[str, ...] = ()


CATEGORIES = [
    ("lead", "Lead", "Lead", "neutral"),
    ("filter", "Filter", "Filter", "yellow"),
    ("transaction", "Transaksi", "Transaction", "green"),
    ("support", "Dukungan", "Support", "red"),
    ("retargeting", "Retargeting", "Retargeting", "blue"),
]

L = StandardLabel
LABELS = [
    L(name="Pertanyaan baru", name_en="New inquiry", category="lead", meaning="new", step=1, stale=2,
      aliases=("New customer", "Pelanggan baru", "Lead baru", "New lead", "Tanya baru", "Inquiry")),
    L(name="Prospek dingin", name_en="Cold prospect", category="filter", meaning="cold", step=2, stale=30, low=True,
      group="temperature", aliases=("Cold", "Dingin", "Cold lead")),
    L(name="Grade C", category="filter", meaning="grade", step=2, stale=14, group="grade", aliases=("C", "Kelas C")),
    L(name="Grade B", category="filter", meaning="grade", step=2, stale=14, group="grade", aliases=("B", "Kelas B")),
    L(name="Prospek panas", name_en="Hot prospect", category="filter", meaning="hot", color="yellow", step=2, stale=7,
      high=True, group="temperature", aliases=("Hot", "Panas", "Hot lead", "Prospek hangat", "Warm prospect")),
    L(name="Grade A", category="filter", meaning="grade", color="yellow", step=2, stale=7, high=True, group="grade",
      aliases=("A", "Kelas A")),
    L(name="Menunggu pembayaran", name_en="Waiting payment", category="transaction", meaning="waiting", step=3, stale=3,
      group="payment", aliases=("Pending payment", "Pembayaran tertunda", "Menunggu transfer", "Waiting for payment",
                                "New order", "Pesanan baru")),
    L(name="Selesai", name_en="Done", category="transaction", meaning="won", color="green", step=4, group="payment",
      aliases=("Order complete", "Pesanan selesai", "Paid", "Lunas", "Dibayar", "Sudah bayar", "Closing", "Deal")),
    L(name="Pelanggan loyal", name_en="Loyal customer", category="retargeting", meaning="loyal", color="blue", step=5,
      aliases=("Loyal", "Langganan", "Repeat order")),
    L(name="Purna jual", name_en="After sales", category="support", meaning="after_sales", stale=7,
      aliases=("Aftersales", "Layanan purna jual")),
    L(name="Komplain", name_en="Complain", category="support", meaning="complaint", color="red", stale=2,
      aliases=("Complaint", "Keluhan")),
    L(name="Mendesak", name_en="Urgent", category="support", meaning="urgent", color="red", stale=1,
      aliases=("Penting", "Segera")),
]  # fmt: skip


def seed(*, category_model: Any, label_model: Any, alias_model: Any) -> None:
    """Create the standard categories and labels that do not exist yet; touch none that do. Idempotent."""
    categories = {}
    for position, (code, name, name_en, color) in enumerate(CATEGORIES):
        defaults = {"name": name, "name_en": name_en, "color": color, "position": position}
        categories[code], _ = category_model.objects.get_or_create(code=code, defaults=defaults)
    for standard in LABELS:
        label, _ = label_model.objects.get_or_create(
            name=standard.name, defaults=_fields(standard, categories[standard.category])
        )
        for text in filter(None, (standard.name, standard.name_en, *standard.aliases)):
            alias_model.objects.get_or_create(normalized=normalize(text), defaults={"label": label, "text": text})


def _fields(standard: StandardLabel, category: Any) -> dict[str, Any]:
    return {
        "name_en": standard.name_en,
        "category": category,
        "color": standard.color,
        "meaning": standard.meaning,
        "high_quality": standard.high,
        "low_quality": standard.low,
        "step": standard.step,
        "exclusive_group": standard.group,
        "stale_after_days": standard.stale,
    }
