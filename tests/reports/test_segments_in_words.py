"""Definitions in words: every field and operator, in both languages, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from reports.segments.definition import GRAMMAR, parse_definition
from reports.segments.in_words import SENTENCES, SegmentNames, segment_in_words

NAMES = SegmentNames(
    {
        "labels": {1: "Grade A", 2: "Hot"},
        "categories": {"filter": "Filter"},
        "campaigns": {1: "Ramadan"},
        "agents": {1: "Rina", 2: "Sari"},
        "teams": {1: "Toko"},
        "channels": {"cs1": "CS Rina"},
    }
)
DAY, NEXT_DAY = "2026-03-02T00:00:00+07:00", "2026-03-03T00:00:00+07:00"
LABEL: dict[str, Any] = {"field": "label", "labels": [1]}

# A condition, what it says in Indonesian and in English, and each negated.
SAID: list[tuple[dict[str, Any], str, str, str, str]] = [
    (
        {**LABEL, "op": "active", "labels": [1, 2]},
        "memiliki label “Grade A” atau “Hot”", "tidak memiliki label “Grade A” atau “Hot”",
        "has the label “Grade A” or “Hot”", "does not have the label “Grade A” or “Hot”",
    ),
    (
        {"field": "label", "op": "active", "categories": ["filter"]},
        "memiliki label apa pun dari kategori “Filter”", "tidak memiliki label apa pun dari kategori “Filter”",
        "has any label of category “Filter”", "does not have any label of category “Filter”",
    ),
    (
        {**LABEL, "op": "ever"},
        "pernah memiliki label “Grade A”", "tidak pernah memiliki label “Grade A”",
        "has ever had the label “Grade A”", "has never had the label “Grade A”",
    ),
    (
        {**LABEL, "op": "added", "from": {"days_ago": 14}, "agents": [1, 2], "channels": ["cs1"]},
        "mendapat label “Grade A” dalam 14 hari terakhir, dipasang oleh “Rina” atau “Sari”, di nomor “CS Rina”",
        "tidak mendapat label “Grade A” dalam 14 hari terakhir, dipasang oleh “Rina” atau “Sari”, di nomor “CS Rina”",
        "was given the label “Grade A” in the last 14 days, put on by “Rina” or “Sari”, on number “CS Rina”",
        "was not given the label “Grade A” in the last 14 days, put on by “Rina” or “Sari”, on number “CS Rina”",
    ),
    (
        {**LABEL, "op": "removed", "agents": [1]},
        "kehilangan label “Grade A” kapan saja, dilepas oleh “Rina”",
        "tidak kehilangan label “Grade A” kapan saja, dilepas oleh “Rina”",
        "lost the label “Grade A” at any time, taken off by “Rina”",
        "did not lose the label “Grade A” at any time, taken off by “Rina”",
    ),
    (
        {**LABEL, "op": "active_for", "days": 60},
        "memiliki label “Grade A” selama setidaknya 60 hari",
        "tidak memiliki label “Grade A” selama setidaknya 60 hari",
        "has had the label “Grade A” for at least 60 days", "has not had the label “Grade A” for at least 60 days",
    ),
    (
        {"field": "labelled", "op": "now"},
        "memiliki label apa pun", "tidak memiliki label apa pun", "has any label", "has no label",
    ),
    (
        {"field": "labelled", "op": "ever"},
        "pernah memiliki label apa pun", "tidak pernah memiliki label apa pun",
        "has ever had a label", "has never had a label",
    ),
    (
        {"field": "stage", "op": "is", "labels": [2, None]},
        "berada di tahap “Hot” atau tanpa tahap", "tidak berada di tahap “Hot” atau tanpa tahap",
        "is at stage “Hot” or no stage", "is not at stage “Hot” or no stage",
    ),
    (
        {"field": "campaign", "op": "first", "campaigns": [1]},
        "pertama datang dari kampanye “Ramadan”", "pertama datang bukan dari kampanye “Ramadan”",
        "first came by campaign “Ramadan”", "did not first come by campaign “Ramadan”",
    ),
    (
        {"field": "campaign", "op": "last", "campaigns": [None]},
        "terakhir datang tanpa kampanye", "terakhir datang bukan tanpa kampanye",
        "last came by no campaign", "did not last come by no campaign",
    ),
    (
        {"field": "campaign", "op": "any", "campaigns": [1]},
        "pernah datang dari kampanye “Ramadan”", "tidak pernah datang dari kampanye “Ramadan”",
        "ever came by campaign “Ramadan”", "never came by campaign “Ramadan”",
    ),
    (
        {"field": "assigned", "op": "is", "agents": [1, None]},
        "dipegang oleh “Rina” atau belum siapa pun", "tidak dipegang oleh “Rina” atau belum siapa pun",
        "is assigned to “Rina” or nobody", "is not assigned to “Rina” or nobody",
    ),
    (
        {"field": "team", "op": "is", "teams": [1]},
        "dikenal di nomor tim “Toko”", "tidak dikenal di nomor tim “Toko”",
        "is known on a number of team “Toko”", "is not known on a number of team “Toko”",
    ),
    (
        {"field": "channel", "op": "is", "channels": ["cs1"]},
        "dikenal di nomor “CS Rina”", "tidak dikenal di nomor “CS Rina”",
        "is known on number “CS Rina”", "is not known on number “CS Rina”",
    ),
    (
        {"field": "first_seen", "op": "between", "from": DAY, "to": NEXT_DAY},
        "pertama kali terlihat pada 2 Mar 2026", "pertama kali terlihat bukan pada 2 Mar 2026",
        "was first seen on 2 Mar 2026", "was not first seen on 2 Mar 2026",
    ),
    (
        {"field": "first_seen", "op": "empty"},
        "belum pernah terlihat", "pernah terlihat", "was never seen", "was seen",
    ),
    (
        {"field": "last_inbound", "op": "between", "to": {"days_ago": 45}},
        "pesan terakhir darinya lebih dari 45 hari lalu", "pesan terakhir darinya bukan lebih dari 45 hari lalu",
        "their last message came more than 45 days ago", "their last message did not come more than 45 days ago",
    ),
    (
        {"field": "last_inbound", "op": "empty"},
        "belum pernah mengirim pesan", "pernah mengirim pesan", "never wrote", "has written",
    ),
    (
        {"field": "last_outbound", "op": "between", "from": {"days_ago": 60}, "to": {"days_ago": 30}},
        "pesan terakhir dari kita antara 30 dan 60 hari lalu",
        "pesan terakhir dari kita bukan antara 30 dan 60 hari lalu",
        "our last message went out between 30 and 60 days ago",
        "our last message did not go out between 30 and 60 days ago",
    ),
    (
        {"field": "last_outbound", "op": "empty"},
        "belum pernah kita kirimi pesan", "pernah kita kirimi pesan", "was never written to", "has been written to",
    ),
    (
        {"field": "follow_up", "op": "between", "from": {"days_ago": 0}},
        "tindak lanjutnya mulai sekarang", "tindak lanjutnya bukan mulai sekarang",
        "is to be followed up from now on", "is not to be followed up from now on",
    ),
    (
        {"field": "follow_up", "op": "between", "from": {"days_ago": 30}},
        "tindak lanjutnya sejak 30 hari lalu", "tindak lanjutnya bukan sejak 30 hari lalu",
        "is to be followed up from 30 days ago on", "is not to be followed up from 30 days ago on",
    ),
    (
        {"field": "follow_up", "op": "empty"},
        "tidak punya tanggal tindak lanjut", "punya tanggal tindak lanjut",
        "has no follow-up date", "has a follow-up date",
    ),
    (
        {"field": "name", "op": "contains", "text": "ani"},
        "namanya memuat “ani”", "namanya tidak memuat “ani”",
        "has a name with “ani” in it", "has a name without “ani” in it",
    ),
    (
        {"field": "phone", "op": "starts", "text": "+62812"},
        "nomornya berawalan “+62812”", "nomornya tidak berawalan “+62812”",
        "has a number that begins with “+62812”", "has no number that begins with “+62812”",
    ),
    (
        {"field": "phone", "op": "empty"},
        "tidak punya nomor telepon", "punya nomor telepon", "has no phone number", "has a phone number",
    ),
    (
        {"field": "opted_out", "op": "is", "value": True},
        "menolak broadcast", "tidak menolak broadcast", "opted out of broadcasts", "did not opt out of broadcasts",
    ),
    (
        {"field": "stale", "op": "is", "value": False},
        "tidak punya label kedaluwarsa", "punya label kedaluwarsa", "has no stale label", "has a stale label",
    ),
    (
        {"field": "contradictory", "op": "is", "value": True},
        "punya label yang bertentangan", "tidak punya label yang bertentangan",
        "has contradicting labels", "has no contradicting labels",
    ),
    (
        {**LABEL, "op": "ever", "times": 2},
        "pernah memiliki label “Grade A” setidaknya 2 kali", "belum sampai 2 kali memiliki label “Grade A”",
        "has had the label “Grade A” at least 2 times", "has not had the label “Grade A” as often as 2 times",
    ),
    (
        {**LABEL, "op": "added", "times": 3, "from": {"days_ago": 90}},
        "mendapat label “Grade A” setidaknya 3 kali dalam 90 hari terakhir",
        "tidak mendapat label “Grade A” sampai 3 kali dalam 90 hari terakhir",
        "was given the label “Grade A” at least 3 times in the last 90 days",
        "was not given the label “Grade A” as often as 3 times in the last 90 days",
    ),
    (
        {"field": "campaign", "op": "first", "campaigns": [1], "from": DAY, "to": NEXT_DAY},
        "pertama datang dari kampanye “Ramadan”, pada 2 Mar 2026",
        "pertama datang bukan dari kampanye “Ramadan”, pada 2 Mar 2026",
        "first came by campaign “Ramadan”, on 2 Mar 2026", "did not first come by campaign “Ramadan”, on 2 Mar 2026",
    ),
]  # fmt: skip

# Numbers of reports, in both languages.
NUMBERS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"op": "agents", "figure": "came_true_k", "row": 1, "from": DAY, "to": NEXT_DAY},
        "“Nilai tinggi yang terbukti, 30 hari” (yang dihitung) milik “Rina”, pada 2 Mar 2026",
        "“Came true, 30 days” (those counted) of “Rina”, on 2 Mar 2026",
    ),
    (
        {"op": "agents", "figure": "received", "from": {"days_ago": 7}},
        "“Kontak masuk”, dalam 7 hari terakhir", "“Contacts received”, in the last 7 days",
    ),
    (
        {"op": "labels", "figure": "added", "row": None, "from": DAY, "label": 2, "certain": True, "team": 1},
        (
            "“Dipasang” untuk label yang belum diberi arti, untuk label “Hot”, tim “Toko”, hanya pemberi label yang "
            "pasti, sejak 2 Mar 2026"
        ),
        (
            "“Added” for labels that are not mapped yet, for the label “Hot”, team “Toko”, known labeller only, "
            "since 2 Mar 2026"
        ),
    ),
    (
        {"op": "campaigns", "figure": "high_count", "row": 1, "from": DAY, "touch": "last", "basis": "event"},
        (
            "“Kualitas tinggi” (yang dihitung, sejauh ini) dari kampanye “Ramadan”, menurut kedatangan terakhir, "
            "menurut tanggal label, sejak 2 Mar 2026"
        ),
        (
            "“High quality” (those counted, so far) of campaign “Ramadan”, by the last touch, by date of label, "
            "since 2 Mar 2026"
        ),
    ),
    (
        {"op": "labels", "figure": "added", "by": "day", "row": "2026-03-02", "from": DAY, "agent": 1, "campaign": 1},
        "“Dipasang” pada 2 Mar 2026, dipasang oleh “Rina”, kontak dari kampanye “Ramadan”, sejak 2 Mar 2026",
        "“Added” on 2 Mar 2026, put on by “Rina”, contacts of campaign “Ramadan”, since 2 Mar 2026",
    ),
    (
        {"op": "labels", "figure": "added", "by": "team", "row": None, "from": DAY},
        "“Dipasang” tanpa tim, sejak 2 Mar 2026", "“Added” of no team, since 2 Mar 2026",
    ),
    (
        {"op": "labels", "figure": "added", "by": "channel", "row": "cs1", "from": DAY},
        "“Dipasang” di nomor “CS Rina”, sejak 2 Mar 2026", "“Added” on number “CS Rina”, since 2 Mar 2026",
    ),
    (
        {"op": "heatmap", "figure": "inbound", "row": 63, "from": DAY},
        "“Pesan masuk” pada Rabu 14.00, sejak 2 Mar 2026", "“Messages in” on Wednesday 14.00, since 2 Mar 2026",
    ),
    (
        {"op": "stale", "figure": "stale_open", "from": DAY},
        "“Label kedaluwarsa”, sejak 2 Mar 2026", "“Stale labels”, since 2 Mar 2026",
    ),
    (
        {"op": "stale-summary", "figure": "flagged", "row": "1-1", "from": DAY},
        "“Ditandai” pada satu baris, sejak 2 Mar 2026", "“Flagged” of one row, since 2 Mar 2026",
    ),
    (
        {"op": "curves", "figure": "won_d7", "row": None, "from": DAY, "week": "2026-03-02", "channel": "cs1"},
        "“Selesai” (dalam 7 hari) tanpa kampanye, di nomor “CS Rina”, minggu yang mulai 2 Mar 2026, sejak 2 Mar 2026",
        "“Done” (within 7 days) of no campaign, on number “CS Rina”, week beginning 2 Mar 2026, since 2 Mar 2026",
    ),
    (
        {"op": "movement", "figure": "out", "row": None, "from": DAY, "to": NEXT_DAY},
        "“Keluar” tanpa tahap, pada 2 Mar 2026", "“Went out” of no stage, on 2 Mar 2026",
    ),
    (
        {"op": "movement", "figure": "contacts", "row": "new:2", "from": DAY, "to": NEXT_DAY},
        "“Dari sini ke sana” dari kontak baru ke “Hot”, pada 2 Mar 2026",
        "“From here to there” from new contacts to “Hot”, on 2 Mar 2026",
    ),
    (
        {"op": "moves", "figure": "count", "row": "2:null", "from": DAY, "to": NEXT_DAY},
        "“Semua perpindahan” dari “Hot” ke tanpa tahap, pada 2 Mar 2026",
        "“All moves” from “Hot” to no stage, on 2 Mar 2026",
    ),
    (
        {"op": "funnel", "figure": "reached", "row": 3, "from": DAY},
        "“Sampai tahap ini atau lebih jauh” pada satu baris, sejak 2 Mar 2026",
        "“This step or further” of one row, since 2 Mar 2026",
    ),
    (
        {"op": "time-in-stage", "figure": "open", "row": 1, "from": DAY},
        "“Masih di tahap ini” untuk label “Grade A”, sejak 2 Mar 2026",
        "“Still in the stage” for the label “Grade A”, since 2 Mar 2026",
    ),
    (
        {"op": "cohorts", "figure": "contacts", "row": "2026-03-02", "from": DAY, "step": 4},
        "“Kontak minggu itu” pada satu baris, sampai tahap 4, sejak 2 Mar 2026",
        "“Contacts of the week” of one row, reaching step 4, since 2 Mar 2026",
    ),
    (
        {"op": "contradictions", "figure": "contradictions", "row": 12, "from": DAY, "label": 2},
        "“Bertentangan” pada satu baris, untuk label “Hot”, sejak 2 Mar 2026",
        "“Contradictions” of one row, for the label “Hot”, since 2 Mar 2026",
    ),
    (
        {"op": "label-budget", "figure": "used", "row": 1, "from": DAY},
        "“Dipakai” pada satu baris, sejak 2 Mar 2026", "“Used” of one row, since 2 Mar 2026",
    ),
    (
        {"op": "unusual", "figure": "taps", "from": DAY},
        "“Jumlah label”, sejak 2 Mar 2026", "“Labels”, since 2 Mar 2026",
    ),
    (
        {"op": "data-health", "figure": "by_roster", "from": DAY, "channel": "cs1"},
        "“Bagaimana pemberi label diketahui” (sedang dinas), di nomor “CS Rina”, sejak 2 Mar 2026",
        "“How the labeller is known” (on shift), on number “CS Rina”, since 2 Mar 2026",
    ),
]  # fmt: skip


def in_words(*groups: list[dict[str, Any]], language: str = "id") -> str:
    with override(language):
        return segment_in_words(parse_definition({"any": [{"all": group} for group in groups]}), NAMES)


@pytest.mark.parametrize(("condition", "says", "denies", "says_en", "denies_en"), SAID)
def test_every_condition_is_said_in_both_languages(
    condition: dict[str, Any], says: str, denies: str, says_en: str, denies_en: str
) -> None:
    denied = {**condition, "not": True}
    assert (in_words([condition]), in_words([denied])) == (says, denies)
    assert (in_words([condition], language="en"), in_words([denied], language="en")) == (says_en, denies_en)


@pytest.mark.parametrize(("condition", "says", "says_en"), NUMBERS)
def test_a_number_of_a_report_is_said_as_the_report_says_it(condition: dict[str, Any], says: str, says_en: str) -> None:
    meant, denied = {"field": "report", **condition}, {"field": "report", **condition, "not": True}
    assert in_words([meant]) == f"ada di balik angka {says}"
    assert in_words([denied]) == f"tidak ada di balik angka {says}"
    assert in_words([meant], language="en") == f"is behind the number {says_en}"
    assert in_words([denied], language="en") == f"is not behind the number {says_en}"


def test_no_kind_of_condition_is_without_words() -> None:
    kinds = {(name, op) for name, operators in GRAMMAR.items() for op in operators}
    assert {language: set(said) for language, said in SENTENCES.items()} == {"id": kinds, "en": kinds}
    said = {(condition["field"], condition["op"]) for condition, *_words in SAID}
    assert said | {("report", condition["op"]) for condition, *_words in NUMBERS} == kinds


@pytest.mark.parametrize(
    ("ends", "says", "says_en"),
    [
        ({"from": DAY}, "sejak 2 Mar 2026", "since 2 Mar 2026"),
        ({"to": NEXT_DAY}, "sampai dengan 2 Mar 2026", "up to and including 2 Mar 2026"),
        ({"to": {"days_ago": 0}}, "sampai sekarang", "before now"),
        (
            {"from": DAY, "to": "2026-03-09T00:00:00+07:00"},
            "dari 2 Mar 2026 sampai dengan 8 Mar 2026",
            "from 2 Mar 2026 up to and including 8 Mar 2026",
        ),
        ({"to": "2026-03-02T10:30:00+07:00"}, "sebelum 2 Mar 2026, 10.30", "before 2 Mar 2026, 10:30"),
        (
            {"from": DAY, "to": {"days_ago": 7}},
            "sejak 2 Mar 2026 dan sampai 7 hari lalu",
            "since 2 Mar 2026 and until 7 days ago",
        ),
    ],
)
def test_a_time_is_said_as_people_say_it(ends: dict[str, Any], says: str, says_en: str) -> None:
    condition = {"field": "first_seen", "op": "between", **ends}
    assert in_words([condition]) == f"pertama kali terlihat {says}"
    assert in_words([condition], language="en") == f"was first seen {says_en}"


def test_groups_are_joined_by_or_and_conditions_by_and() -> None:
    has, never = {"field": "labelled", "op": "now"}, {"field": "phone", "op": "empty", "not": True}
    assert (
        in_words([has, never], [never]) == "(memiliki label apa pun dan punya nomor telepon); atau punya nomor telepon"
    )
    assert in_words([], language="en") == "all contacts"


def test_what_the_reader_does_not_see_is_not_named() -> None:
    condition = {"field": "assigned", "op": "is", "agents": [1, 99]}
    assert in_words([condition]) == "dipegang oleh “Rina” atau (tidak terlihat oleh Anda)"
