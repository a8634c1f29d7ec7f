"""First messages that no campaign claims, the most frequent first: where the next rule should come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Func, Max, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Left, Lower, Trim
from django.utils import timezone

from contacts.models import Contact, Message
from labelcrm.core.viewer import Viewer
from labelcrm.lib.text import folded, legible, words_of

DAYS = 90  # how far back is looked
MOST = 50  # groups that are shown
MOST_ADS = 20
EXAMPLES = 3  # contacts of a group that are named
COMPARED = 200  # characters of a message that are compared
LONGEST_PHRASE = 60
# What Indonesian customers begin with, and says nothing about where they come from.
_GREETINGS = frozenset(
    {
        "alaikum", "assalamu", "assalamualaikum", "bang", "bu", "dan", "di", "dong", "dulu", "gan", "gimana", "hai",
        "hallo", "halo", "hello", "hi", "ini", "itu", "ka", "kak", "kakak", "malam", "mas", "mau", "mba", "mbak",
        "min", "misi", "mohon", "nanya", "om", "pa", "pagi", "pak", "permisi", "saya", "selamat", "siang", "sis",
        "sore", "tanya", "tolong", "untuk", "ya", "yang", "yg"
    }
)  # fmt: skip
_DIGITS = re.compile(r"\d+")
_CODE = re.compile(r"(?<!\w)#?(?=[A-Za-z]{2})(?=\S*\d)\w+(?:[-_/]\w+)*")  # KAOS25, #KAOS-2, not 24s or 2pcs


@dataclass(frozen=True, slots=True)
class UnclaimedText:
    """First messages that read alike; `sample` is one of them as it was written, `word` what a rule could look for."""

    text: str
    sample: str
    contacts: int
    share: float
    last_at: datetime
    examples: list[int]
    word: str


@dataclass(frozen=True, slots=True)
class UnclaimedAd:
    """An ad that brought people and that no campaign claims."""

    ad_id: str
    title: str
    contacts: int
    last_at: datetime
    examples: list[int]


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """What a viewer sees of the last `DAYS` days: how many contacts wrote first, how many of them without a campaign.

    `texts` and `ads` are the `MOST` and `MOST_ADS` most frequent; `without_text` counts first messages without words.
    """

    wrote: int
    contacts: int
    without_text: int
    texts: list[UnclaimedText]
    ads: list[UnclaimedAd]


def unclaimed(*, viewer: Viewer) -> Unclaimed:
    """Four queries, however many groups there are."""
    since = timezone.now() - timedelta(days=DAYS)
    wrote = Contact.objects.visible_to(viewer).filter(first_inbound_at__gte=since)
    firsts = _firsts(wrote.filter(campaign=None), since, viewer)
    texts = firsts.filter(ad__isnull=True).exclude(text="")
    counts = wrote.aggregate(wrote=Count("pk"), unclaimed=Count("pk", filter=Q(campaign=None)))
    return Unclaimed(
        wrote=counts["wrote"],
        contacts=counts["unclaimed"],
        without_text=firsts.filter(ad__isnull=True, text="").aggregate(n=Count("contact", distinct=True))["n"],
        texts=_texts(texts, counts["unclaimed"]),
        ads=_ads(firsts.filter(ad__isnull=False)),
    )


def _firsts(contacts: QuerySet[Contact], since: datetime, viewer: Viewer) -> QuerySet[Message]:
    """The first messages of these contacts, on numbers that the viewer sees."""
    told = Message.objects.visible_to(viewer).counted().filter(from_me=False, at__gte=since)
    return told.filter(contact__in=contacts, at=F("contact__first_inbound_at")).order_by()


def _normalized() -> Any:
    """A text without case, punctuation and amounts: signs are blanks, a number that stands alone is "#"."""
    plain = _replaced(Lower(Left("text", COMPARED)), r"[^[:alnum:]]+", " ")
    return Trim(_replaced(plain, r"\m[0-9]+\M", "#"))


def _replaced(text: Any, pattern: str, by: str) -> Any:
    return Func(text, Value(pattern), Value(by), Value("g"), function="regexp_replace")


def _grouped(messages: QuerySet[Message], *, by: Any, named: Any, most: int) -> list[dict[str, Any]]:
    """The most frequent values of `by`, each with how many contacts, the last time, examples, and one of `named`."""
    newest = ArrayAgg("contact", order_by=[F("at").desc(), F("contact").desc()])
    rows = messages.annotate(key=by).values("key").annotate(
        contacts=Count("contact", distinct=True), last_at=Max("at"), newest=newest, name=Max(named)
    )  # fmt: skip
    found = rows.order_by("-contacts", "-last_at", "key")[:most]
    return [row | {"examples": list(dict.fromkeys(row["newest"]))[:EXAMPLES]} for row in found]


def _texts(messages: QuerySet[Message], everybody: int) -> list[UnclaimedText]:
    return [
        UnclaimedText(
            text=row["key"],
            sample=legible(row["name"]),
            contacts=row["contacts"],
            share=row["contacts"] / everybody,
            last_at=row["last_at"],
            examples=row["examples"],
            word=suggested_word(row["name"]),
        )
        for row in _grouped(messages, by=_normalized(), named=Left("text", COMPARED), most=MOST)
    ]


def _ads(messages: QuerySet[Message]) -> list[UnclaimedAd]:
    named = messages.filter(ad__source_id__isnull=False).exclude(ad__source_id="")
    return [
        UnclaimedAd(
            ad_id=row["key"],
            title=row["name"] or "",
            contacts=row["contacts"],
            last_at=row["last_at"],
            examples=row["examples"],
        )
        for row in _grouped(named, by=KT("ad__source_id"), named=KT("ad__headline"), most=MOST_ADS)
    ]


def suggested_word(text: str) -> str:
    """What a rule could look for in messages like this: a code if there is one, else what is no greeting.

    >>> suggested_word("Halo kak, kode LBR26 ya"), suggested_word("Halo kak, mau tanya gamis syari")
    ('LBR26', 'gamis syari')
    """
    text = legible(text)
    if code := _CODE.search(text):
        return code[0]
    phrase: list[str] = []
    best: list[str] = []
    for word in [*words_of(folded(text)), ""]:
        if word and word not in _GREETINGS and not _DIGITS.fullmatch(word):
            phrase.append(word)
            continue
        best = max(best, phrase, key=lambda words: len(" ".join(words)))
        phrase = []
    return " ".join(best)[:LONGEST_PHRASE].strip()
