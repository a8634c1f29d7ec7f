"""Which label a chat is suggested: what was decided, what a stage has passed, who bought, and what a model adds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from labels.rules.label_suggesting import (
    BY_MODEL,
    BY_WORDS,
    MOST_MESSAGES,
    NEW_ORDER,
    SET_LABEL,
    LabelHint,
    LabelKnowledge,
    LabelPeriod,
    LabelPlace,
    SuggestedChatMessage,
    suggest,
)
from labels.rules.label_words import LabelPhrase, LabelPhrases, standard_phrases
from labels.rules.message_words import phrase_key
from labels.rules.text_model import ENOUGH, HeldBackScore, TextWeights, beats, pack, terms_of, unpack

NINE = datetime(2026, 11, 29, 9, tzinfo=UTC)
PLACES = {
    place.meaning: place
    for place in (
        LabelPlace(id=1, meaning="new", step=1, value=2, group=""),
        LabelPlace(id=2, meaning="cold", step=2, value=1, group="temperature"),
        LabelPlace(id=3, meaning="hot", step=2, value=6, group="temperature"),
        LabelPlace(id=4, meaning="grade", step=2, value=6, group="grade"),
        LabelPlace(id=5, meaning="waiting", step=3, value=4, group="payment"),
        LabelPlace(id=6, meaning="won", step=4, value=5, group="payment"),
        LabelPlace(id=7, meaning="loyal", step=5, value=6, group=""),
        LabelPlace(id=8, meaning="complaint", step=None, value=4, group=""),
        LabelPlace(id=9, meaning="after_sales", step=None, value=1, group=""),
    )
}
NAMES = {place.id: meaning for meaning, place in PLACES.items()}
KNOWLEDGE = LabelKnowledge(
    labels={place.id: place for place in PLACES.values()},
    phrases=LabelPhrases(
        LabelPhrase(label=place.id, key=phrase_key(phrase), side=side, sure=sure)
        for meaning, place in PLACES.items()
        for phrase, side, sure in standard_phrases(meaning)
    ),
    models={},
)


def said(*texts: str, from_me: bool = False) -> list[SuggestedChatMessage]:
    """Messages one minute apart, the first at nine."""
    return [
        SuggestedChatMessage(id=n, at=NINE + timedelta(minutes=n), from_me=from_me, text=text)
        for n, text in enumerate(texts)
    ]


def had(meaning: str, since: float, until: float | None = None) -> LabelPeriod:
    """A label on so many minutes after nine, until so many."""
    ended = None if until is None else NINE + timedelta(minutes=until)
    return LabelPeriod(label=PLACES[meaning].id, since=NINE + timedelta(minutes=since), until=ended)


def suggested(hint: LabelHint | None) -> tuple[str, str] | None:
    return (NAMES[hint.label], hint.sure) if hint else None


def test_the_words_and_their_message_are_the_reason() -> None:
    hint = suggest(said("halo", "minta norek ya, nomor rekening BCA"), [], KNOWLEDGE)
    assert hint is not None
    assert (hint.kind, hint.by, hint.message.id, hint.quotes) == (
        SET_LABEL, BY_WORDS, 1, ("norek", "nomor rekening"),
    )  # fmt: skip


def test_no_message_and_no_word_suggest_nothing() -> None:
    assert suggest([], [], KNOWLEDGE) is None
    assert suggest(said("selamat pagi"), [], KNOWLEDGE) is None


def test_the_farthest_on_the_way_to_buying_is_suggested() -> None:
    assert suggested(suggest(said("harga brp", "mau order", "berapa ongkir"), [], KNOWLEDGE)) == ("hot", "likely")
    assert suggested(suggest(said("deal kak, tf kemana?"), [], KNOWLEDGE)) == ("waiting", "certain")
    assert suggested(suggest(said("minta norek", "sudah tf"), [], KNOWLEDGE)) == ("won", "certain")


def test_what_is_certain_goes_before_what_is_likely_and_a_complaint_before_all() -> None:
    assert suggested(suggest(said("minta norek", "lunas"), [], KNOWLEDGE)) == ("waiting", "certain")
    assert suggested(suggest(said("sudah tf", "kok rusak", "harga brp"), [], KNOWLEDGE)) == ("complaint", "certain")


def test_a_label_that_is_on_is_not_suggested() -> None:
    assert suggest(said("mau order"), [had("hot", since=-10)], KNOWLEDGE) is None


def test_what_was_answered_by_a_label_is_not_asked_again() -> None:
    complained = said("barangnya rusak")
    assert suggest(complained, [had("complaint", since=5, until=60)], KNOWLEDGE) is None
    assert suggested(suggest(complained, [had("complaint", since=-60, until=-5)], KNOWLEDGE)) == (
        "complaint", "certain",
    )  # fmt: skip
    assert suggest(said("harga brp"), [had("hot", since=5, until=60)], KNOWLEDGE) is None


def test_a_stronger_stage_has_passed_what_is_before_it() -> None:
    assert suggest(said("harga brp kak"), [had("hot", since=-10)], KNOWLEDGE) is None
    assert suggest(said("mau order"), [had("waiting", since=-10)], KNOWLEDGE) is None
    assert suggest(said("mau order"), [had("grade", since=-10)], KNOWLEDGE) is None
    assert suggested(suggest(said("minta norek"), [had("hot", since=-10)], KNOWLEDGE)) == ("waiting", "certain")


def test_of_two_that_exclude_each_other_the_newer_word_may_be_right() -> None:
    assert suggested(suggest(said("ga jadi kak"), [had("hot", since=-10)], KNOWLEDGE)) == ("cold", "likely")
    assert suggested(suggest(said("mau order kak"), [had("cold", since=-10)], KNOWLEDGE)) == ("hot", "likely")


def test_whoever_bought_is_no_new_inquiry_but_perhaps_a_new_order() -> None:
    for text in ("harga brp kak", "mau order kak", "minta norek"):
        hint = suggest(said(text), [had("won", since=-60)], KNOWLEDGE)
        assert hint is not None
        assert hint.kind == NEW_ORDER
    again = suggest(said("minta norek"), [had("won", since=-60, until=-30)], KNOWLEDGE)
    assert again is not None
    assert again.kind == NEW_ORDER


def test_what_led_to_the_purchase_is_no_new_order() -> None:
    assert suggest(said("mau order", "minta norek"), [had("won", since=10)], KNOWLEDGE) is None
    assert suggest(said("mau order"), [had("won", since=-60), had("waiting", since=-5)], KNOWLEDGE) is None
    assert suggest(said("kemahalan"), [had("won", since=-60)], KNOWLEDGE) is None


def test_only_who_bought_is_loyal_or_asks_for_after_sales() -> None:
    for text, meaning in (("repeat order kak", "loyal"), ("garansi gimana", "after_sales")):
        assert suggest(said(text), [], KNOWLEDGE) is None
        found = suggested(suggest(said(text), [had("won", since=-60)], KNOWLEDGE))
        assert found is not None
        assert found[0] == meaning
        assert suggest(said(text), [had("won", since=60)], KNOWLEDGE) is None  # said before they bought


def test_what_was_dismissed_stays_so_until_they_write_it_again() -> None:
    messages = said("mau order", "jam berapa buka")
    hot = PLACES["hot"].id
    assert suggested(suggest(messages, [], KNOWLEDGE, dismissed={hot: messages[0].at})) == ("new", "likely")
    again = [*messages, *said("", "", "", "mau order ya")[3:]]
    assert suggested(suggest(again, [], KNOWLEDGE, dismissed={hot: messages[0].at})) == ("hot", "likely")


def test_only_the_latest_messages_count() -> None:
    assert suggest(said("mau order", *["hm"] * MOST_MESSAGES), [], KNOWLEDGE) is None
    assert suggest(said("mau order", *["hm"] * (MOST_MESSAGES - 1)), [], KNOWLEDGE) is not None


def test_a_label_that_nobody_knows_any_more_decides_nothing() -> None:
    gone = LabelPeriod(label=99, since=NINE, until=None)
    assert suggested(suggest(said("mau order"), [gone], KNOWLEDGE)) == ("hot", "likely")


# -- Models -----------------------------------------------------------------------------------------------------------

HOT = TextWeights(-2.0, {"angkatan": 1.5, "kaos angkatan": 1.0, "murah": -1.0, "kaos": 0.2})


def with_model(weights: TextWeights, meaning: str = "hot") -> LabelKnowledge:
    return LabelKnowledge(labels=KNOWLEDGE.labels, phrases=LabelPhrases(()), models={PLACES[meaning].id: weights})


def test_a_model_suggests_from_even_odds_on_and_says_which_words() -> None:
    hint = suggest(said("kaos angkatan kak"), [], with_model(HOT))
    assert hint is not None
    assert (suggested(hint), hint.by) == (("hot", "likely"), BY_MODEL)
    assert hint.quotes == ("angkatan", "kaos")  # the pair of both says nothing more
    assert suggest(said("kaos angkatan murah"), [], with_model(HOT)) is None
    certain = suggest(said("kaos angkatan"), [], with_model(TextWeights(0.0, HOT.terms)))
    assert suggested(certain) == ("hot", "certain")


def test_a_model_hears_the_customer_alone_and_only_since_the_label_was_decided() -> None:
    assert suggest(said("kaos angkatan", from_me=True), [], with_model(HOT)) is None
    assert suggest(said("kaos angkatan"), [had("hot", since=1, until=2)], with_model(HOT)) is None


def test_a_model_suggests_nothing_without_a_word_as_its_reason() -> None:
    assert suggest(said("selamat pagi"), [], with_model(TextWeights(3.0, {"kaos": 1.0}))) is None


def test_a_model_makes_no_new_order() -> None:
    assert suggest(said("kaos angkatan"), [had("won", since=-60)], with_model(HOT)) is None


def test_no_term_holds_a_digit_or_spans_two_sentences() -> None:
    assert set(terms_of("transfer 08123456789 BCA. ok 24pcs kaos")) == {"transfer", "bca", "kaos"}
    assert set(terms_of("kaos polo, hitam")) == {"kaos", "polo", "hitam", "kaos polo"}


def test_weights_that_somebody_changed_are_not_believed() -> None:
    body, digest = pack(HOT)
    assert unpack(body, digest) == HOT
    assert unpack({**body, "bias": 9.0}, digest) is None
    assert unpack({**body, "version": 2}, digest) is None
    assert unpack("weights", digest) is None


def score(labelled: int, said: int, right: int) -> HeldBackScore:
    return HeldBackScore(labelled=labelled, said=said, right=right)


def test_a_model_must_be_surely_better_in_one_and_surely_worse_in_none() -> None:
    words = score(200, 100, 80)
    assert beats(score(200, 150, 125), words)
    assert not beats(score(200, 100, 80), words)
    assert not beats(score(200, 190, 120), words)  # finds more, but is surely less often right
    assert not beats(score(200, 60, 58), words)  # surely right more often, but finds surely less
    assert beats(score(100, 60, 50), score(100, 0, 0))
    assert not beats(score(100, 60, 30), score(100, 0, 0))  # not surely right more often than not


def test_of_few_chats_nothing_is_concluded() -> None:
    few = ENOUGH - 1
    assert not beats(score(few, few, few), score(few, 0, 0))
    assert not beats(score(100, few, few), score(100, 0, 0))
    assert beats(score(ENOUGH, ENOUGH, ENOUGH), score(ENOUGH, 0, 0))
