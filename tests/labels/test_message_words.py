"""Messages as plain words, and the phrases found in them: shorthand, denials, hostile texts."""

from __future__ import annotations

import time

import pytest

from labels.rules.label_words import (
    BOTH,
    CERTAIN,
    CUSTOMER,
    STANDARD,
    US,
    LabelPhrase,
    LabelPhrases,
    standard_phrases,
)
from labels.rules.message_words import LONGEST_TEXT, phrase_key, shown_text, words_in

MEANINGS = sorted({words.meaning for words in STANDARD})


@pytest.fixture(scope="module")
def standard() -> LabelPhrases:
    """The standard words; the label of each is the place of its meaning in MEANINGS."""
    return LabelPhrases(
        LabelPhrase(label=place, key=phrase_key(phrase), side=side, sure=sure)
        for place, meaning in enumerate(MEANINGS)
        for phrase, side, sure in standard_phrases(meaning)
    )


def meanings(phrases: LabelPhrases, text: str, *, from_me: bool = False) -> set[str]:
    return {MEANINGS[found.phrase.label] for found in phrases.found(text, from_me=from_me)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("brp kak hrgnya??", "Berapa harganya"),
        ("UDAH TF YAAAA kakkk", "sudah saya transfer"),
        ("minta no. rek dong", "minta norek"),
        ("nomer rekeningnya min", "nomor rekening"),
        ("di mana", "dimana"),
        ("RO ya kak", "repeat order"),
        ("pesan2", "pesan"),
        ("𝐦𝐚𝐮 𝐨𝐫𝐝𝐞𝐫", "mau order"),
        ("ma\u200bu or\u202eder", "mau order"),
        ("I haven't paid", "i have not paid"),
    ],
)
def test_these_say_the_same(one: str, other: str) -> None:
    assert phrase_key(one) == phrase_key(other) != ()


@pytest.mark.parametrize("text", ["", "kak", "🙏🙏", "...", "\u202e\u200b", "ya kak, oke min"])
def test_nothing_is_left_of_what_says_nothing(text: str) -> None:
    assert phrase_key(text) == ()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("kak transfer ke rekening mana ya?", "waiting"),
        ("minta norek dong", "waiting"),
        ("tf kemana kak", "waiting"),
        ("oke dp dulu ya", "waiting"),
        ("sdh trf kak, cek ya", "won"),
        ("Sudah saya bayar, ini buktinya", "won"),
        ("ini bukti tf nya", "won"),
        ("kok barangnya ga sesuai", "complaint"),
        ("sablonnya rusak!!", "complaint"),
        ("kecewa bgt", "complaint"),
        ("mau refund aja", "complaint"),
        ("kapan sampainya kak", "complaint"),
        ("pesanan blm sampe2", "complaint"),
        ("hrg brp kak?", "new"),
        ("ready kak?", "new"),
        ("mau order 2 ya", "hot"),
        ("jd pesen 24 pcs", "hot"),
        ("checkout kak", "hot"),
        ("gak jadi kak", "cold"),
        ("pikir2 dulu ya", "cold"),
        ("ada garansinya?", "after_sales"),
        ("cara pakainya gimana", "after_sales"),
        ("butuh hari ini juga", "urgent"),
        ("tolong segera ya", "urgent"),
        ("repeat order lagi dong", "loyal"),
        ("where is my order", "complaint"),
        ("I want to buy this", "hot"),
        ("already paid, please check", "won"),
    ],
)
def test_a_sentence_tells_its_label(standard: LabelPhrases, text: str, meaning: str) -> None:
    assert meaning in meanings(standard, text)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("belum transfer kak", "won"),
        ("saya blm bayar", "won"),
        ("sudah transfer belum kak?", "won"),
        ("kalau sudah transfer saya kabari", "won"),
        ("apakah sudah lunas", "won"),
        ("nanti saya transfer", "won"),
        ("I have not paid yet", "won"),
        ("ga jadi mau order", "hot"),
        ("tidak jadi pesan", "hot"),
        ("belum mau beli", "hot"),
        ("ga kecewa kok", "complaint"),
        ("barangnya tidak rusak", "complaint"),
        ("sesuai pesanan, makasih", "complaint"),
        ("selamat pagi", "new"),
    ],
)
def test_a_sentence_that_denies_it_does_not(standard: LabelPhrases, text: str, meaning: str) -> None:
    assert meaning not in meanings(standard, text)


def test_a_denial_ends_with_its_sentence(standard: LabelPhrases) -> None:
    assert "won" in meanings(standard, "belum. sudah transfer sekarang")
    assert "complaint" in meanings(standard, "ga. rusak kak")


def test_who_writes_it_matters(standard: LabelPhrases) -> None:
    assert meanings(standard, "ini invoicenya kak", from_me=True) == {"waiting"}
    assert meanings(standard, "ini invoicenya kak") == set()
    assert meanings(standard, "minta norek", from_me=True) == set()
    either = LabelPhrases([LabelPhrase(label=1, key=("lunas",), side=BOTH)])
    assert [len(either.found("lunas", from_me=mine)) for mine in (True, False)] == [1, 1]


def test_of_a_phrase_within_another_only_the_longer_is_found() -> None:
    phrases = LabelPhrases(
        [
            LabelPhrase(label=1, key=phrase_key("transfer"), side=CUSTOMER),
            LabelPhrase(label=2, key=phrase_key("bukti transfer"), side=CUSTOMER),
        ]
    )
    assert [found.phrase.label for found in phrases.found("bukti tf", from_me=False)] == [2]
    assert [found.phrase.label for found in phrases.found("tf ya", from_me=False)] == [1]


def test_what_is_quoted_stands_in_the_message(standard: LabelPhrases) -> None:
    text = "Halo,\nminta  NoReK dong kak 🙏 (segera!)"
    quotes = [found.quote for found in standard.found(text, from_me=False)]
    assert quotes == ["NoReK", "segera"]
    assert all(quote in shown_text(text) for quote in quotes)


def test_only_us_is_found_where_only_we_are_asked_for() -> None:
    phrases = LabelPhrases([LabelPhrase(label=1, key=("invoice",), side=US, sure=CERTAIN)])
    assert phrases.found("invoice", from_me=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000,
        "kak " * 100_000,
        "sudah transfer belum " * 20_000,
        "\u202e\u200b" * 500_000,
        "ا" * 1_000_000,
        "(a+)+b" * 50_000,
        "belum " * 50_000 + "transfer",
        "e\u0301" * 200_000,
        "?!." * 100_000,
    ],
)
def test_no_text_takes_long(standard: LabelPhrases, text: str) -> None:
    began = time.process_time()
    standard.found(text, from_me=False)
    assert time.process_time() - began < 0.25
    assert len(words_in(shown_text(text))) <= 2 * LONGEST_TEXT


def test_no_two_standard_words_are_the_same(standard: LabelPhrases) -> None:
    keys = [(phrase_key(p), side) for meaning in MEANINGS for p, side, _sure in standard_phrases(meaning)]
    assert len(keys) == len(set(keys)) > 150
    assert all(key for key, _side in keys)
