"""The pages of the second look: who may open which, what a chat must not give away, and what is shown afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Message
from labelcrm.core.models import AuditEntry
from labels.models import LookSample, SampledGrade, SecondLook
from labels.services import second_looks
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory, UserFactory
from tests.labels.looks import grade, graded_week, label

ClientOf = Callable[..., Client]
PAGE = "/admin/reports/second-look/"
AFTER = THEN + timedelta(days=8)  # the Tuesday after the week


@pytest.fixture(autouse=True)
def _a_week_later() -> Any:
    with time_machine.travel(AFTER, tick=True):
        yield


def sample_page(one: SampledGrade, rest: str = "") -> str:
    return f"{PAGE}{one.sample_id}/{rest}"


def choose(client: Client, one: SampledGrade, name: str) -> Any:
    chosen = "unsure" if name == "unsure" else label(name).pk
    return client.post(sample_page(one, "choose/"), {"grade": one.pk, "label": chosen})


# -- Who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "reads", "looks"),
    [
        ("owner", 200, 200),
        ("cs_lead", 200, 200),
        ("cs", 403, 403),
        ("marketing", 200, 403),
        ("analyst", 200, 403),
        ("auditor", 200, 403),
    ],
)
def test_leads_look_and_others_read_at_most(client_of: ClientOf, shop: Shop, role: str, reads: int, looks: int) -> None:
    [one] = graded_week(shop, "Grade A")
    client = client_of(role, shop)
    page = client.get(PAGE)
    assert page.status_code == reads
    assert client.get(sample_page(one)).status_code == looks
    assert (choose(client, one, "Grade A").status_code == 302) == (looks == 200)
    assert SecondLook.objects.exists() == (looks == 200)
    drawn = client.post(f"{PAGE}draw/")
    assert drawn.status_code == (302 if looks == 200 else 403)
    if reads == 200:
        assert ("Draw last week" in page.content.decode()) == (looks == 200)
    assert client_of("cs_lead").get(sample_page(one)).status_code == 404


def test_a_lead_of_another_team_finds_nothing(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    [one] = graded_week(shop, "Grade A")
    client = client_of("cs_lead", other_shop)
    assert "CS Rina" not in client.get(PAGE).content.decode()
    assert client.get(sample_page(one)).status_code == 404
    assert choose(client, one, "Grade A").status_code == 404
    second_looks.choose(one, label=None, reviewer=UserFactory(role="owner"))
    assert client.get(f"{PAGE}chat/{one.pk}/").status_code == 404


def test_a_cs_who_leads_is_told_that_her_own_grades_wait_for_others(client_of: ClientOf, shop: Shop) -> None:
    [one] = graded_week(shop, "Grade A")
    client = client_of("cs_lead", shop)
    shop.agent.user = client.user  # type: ignore[attr-defined]
    shop.agent.save()
    assert "nobody looks at grades of their own" in client.get(PAGE).content.decode()
    assert client.get(sample_page(one)).status_code == 404
    assert choose(client, one, "Grade A").status_code == 404


# -- Blind ------------------------------------------------------------------------------------------------------------


def test_the_page_of_a_chat_gives_the_grade_away_by_nothing(client_of: ClientOf, shop: Shop) -> None:
    """Two chats that say the same and differ in their grade alone have the same page."""
    one, other = graded_week(shop, "Grade A", "Grade C")
    Message.objects.all().delete()
    for each in (one, other):
        shop.say(each.contact, "Berapa harganya?", minute=-60)
        shop.say(each.contact, "Saya sudah bayar", minute=60 * 24)
        shop.put(each.contact, shop.channel.labels.get(name=each.label.name))
    client = client_of("owner")

    def shown(hidden: SampledGrade) -> str:
        second_looks.choose(hidden, label=None, reviewer=UserFactory(role="owner"))
        html = client.get(sample_page(one)).content.decode()
        start, end = html.index('id="look"'), html.index("lc-look__back")
        SecondLook.objects.all().delete()
        return html[start:end].replace(f'value="{one.pk}"', "").replace(f'value="{other.pk}"', "")

    first, second = shown(one), shown(other)
    assert drop_token(first) == drop_token(second)
    assert "Berapa harganya?" in first
    assert "Saya sudah bayar" not in first
    assert all(str(each.contact) not in first and each.contact.phone not in first for each in (one, other))
    assert "/admin/contacts/contact/" not in first


def drop_token(html: str) -> str:
    head, *rest = html.split('name="csrfmiddlewaretoken" value="')
    return head + "".join(part.partition('"')[2] for part in rest)


def test_older_messages_end_before_the_grade_too(client_of: ClientOf, shop: Shop) -> None:
    [one] = graded_week(shop, "Grade A")
    for n in range(60):
        shop.say(one.contact, f"pesan {n}", minute=-500 + n)
    shop.say(one.contact, "sesudahnya", minute=5)
    client = client_of("cs_lead", shop)
    page = client.get(sample_page(one))
    older = page.context["chat"].older
    assert older
    for response in (page, client.get(sample_page(one), {"older": older})):
        assert "sesudahnya" not in response.content.decode()
    newer = client.get(sample_page(one), {"newer": older})
    assert "sesudahnya" not in newer.content.decode()


def test_a_chat_with_what_came_after_opens_only_when_somebody_has_chosen(client_of: ClientOf, shop: Shop) -> None:
    [one] = graded_week(shop, "Grade A")
    shop.say(one.contact, "sesudahnya", minute=5)
    client = client_of("cs_lead", shop)
    assert client.get(f"{PAGE}chat/{one.pk}/").status_code == 404
    choose(client, one, "Grade B")
    page = client.get(f"{PAGE}chat/{one.pk}/").content.decode()
    assert "sesudahnya" in page
    assert f"/admin/contacts/contact/{one.contact_id}/" in page


# -- One after the other ----------------------------------------------------------------------------------------------


def test_after_each_choice_the_answer_and_the_next_chat_are_shown(client_of: ClientOf, shop: Shop) -> None:
    graded_week(shop, "Grade A", "Grade B", "Grade C")
    client, sample = client_of("cs_lead", shop), LookSample.objects.get()
    page = client.get(f"{PAGE}{sample.pk}/")
    assert [(choice.key, str(choice.label)) for choice in page.context["choices"]] == [
        ("1", "Grade A"), ("2", "Grade B"), ("3", "Grade C"),
    ]  # fmt: skip
    for n in range(3):
        one = page.context["grade"]
        assert f"{n + 1} of 3" in page.content.decode()
        assert choose(client, one, "Grade A").status_code == 302
        page = client.get(f"{PAGE}{sample.pk}/")
        said = "you agree" if one.label.name == "Grade A" else "you differ"
        assert said in page.content.decode()
    assert page.context["grade"] is None
    assert page.context["agreed"] == {"n": 3, "k": 1}
    assert "looked at" in client.get(PAGE).content.decode()


def test_the_last_choice_is_taken_back_by_its_button(client_of: ClientOf, shop: Shop) -> None:
    one, _other = graded_week(shop, "Grade A", "Grade B")
    client = client_of("cs_lead", shop)
    choose(client, one, "unsure")
    look = SecondLook.objects.get()
    client.post(sample_page(one, "undo/"), {"look": look.pk})
    assert not SecondLook.objects.exists()
    assert client.post(sample_page(one, "undo/"), {"look": look.pk}).status_code == 302  # pressed twice
    choose(client, one, "Grade A")
    assert "so it is in no figure" in client.get(sample_page(one)).content.decode()


def test_who_comes_second_is_told_so_and_goes_on(client_of: ClientOf, shop: Shop) -> None:
    one, _other = graded_week(shop, "Grade A", "Grade B")
    client = client_of("cs_lead", shop)
    second_looks.choose(one, label=None, reviewer=UserFactory(role="owner"))
    page = client.post(sample_page(one, "choose/"), {"grade": one.pk, "label": label("Grade A").pk}, follow=True)
    assert "Somebody else has just looked at this chat" in page.content.decode()
    assert SecondLook.objects.get().label is None


@pytest.mark.parametrize("chosen", ["", "x", "999999", "-1", "\x00"])
def test_no_choice_is_refused_and_nothing_kept(client_of: ClientOf, shop: Shop, chosen: str) -> None:
    [one] = graded_week(shop, "Grade A")
    answer = client_of("cs_lead", shop).post(sample_page(one, "choose/"), {"grade": one.pk, "label": chosen})
    assert answer.status_code == 400
    assert not SecondLook.objects.exists()


# -- Draw, figures, training ------------------------------------------------------------------------------------------


def test_a_lead_draws_last_week_for_the_cs_she_sees(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    for each in (shop, other_shop):
        grade(each, "Grade A")
    client = client_of("cs_lead", shop)
    assert "No sample yet" in client.get(PAGE).content.decode()
    page = client.post(f"{PAGE}draw/", follow=True)
    assert "1 chat was drawn." in page.content.decode()
    sample = LookSample.objects.get()
    assert (sample.agent, sample.drawn_by) == (shop.agent, client.user)  # type: ignore[attr-defined]
    assert AuditEntry.objects.get(action="looksample.drawn").actor == client.user  # type: ignore[attr-defined]
    assert "Nothing new to draw" in client.post(f"{PAGE}draw/", follow=True).content.decode()


def test_disagreements_are_listed_with_the_words_before(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    one, other, third = graded_week(shop, "Grade A", "Grade A", "Grade B")
    [elsewhere] = graded_week(other_shop, "Grade A")
    owner = UserFactory(role="owner")
    for each, name in ((one, "Grade C"), (other, "Grade A"), (third, "Grade C"), (elsewhere, "Grade C")):
        second_looks.choose(each, label=label(name), reviewer=owner)
    shop.say(one.contact, "sesudahnya", minute=60 * 24 * 3)
    client = client_of("cs_lead", shop)

    def listed(**chosen: Any) -> set[SampledGrade]:
        return set(client.get(PAGE, chosen).context["training"])

    assert listed() == {one, third}
    assert listed(label="Grade A") == {one}
    assert listed(agent=shop.agent.pk, label="Grade B") == {third}
    third.contact.campaign = CampaignFactory()
    third.contact.save()
    assert listed(campaign=third.contact.campaign.pk) == {third}
    page = client.get(PAGE).content.decode()
    assert f"Halo, saya {one.contact_id}" in page
    assert "sesudahnya" not in page
    assert "33% · 1/3" in page


def test_the_page_asks_as_much_for_many_as_for_one(client_of: ClientOf, shop: Shop) -> None:
    grades = graded_week(shop, *["Grade A"] * 10)
    client, owner = client_of("cs_lead", shop), UserFactory(role="owner")

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    second_looks.choose(grades[0], label=label("Grade B"), reviewer=owner)
    asked()
    few = asked()
    for one in grades[1:9]:
        second_looks.choose(one, label=label("Grade B"), reviewer=owner)
    assert asked() == few
    assert few <= 40


def test_cs_quality_shows_agreement_and_kappa(client_of: ClientOf, shop: Shop) -> None:
    one, other, third = graded_week(shop, "Grade A", "Grade B", "Grade B")
    owner = UserFactory(role="owner")
    for each, name in ((one, "Grade A"), (other, "Grade B"), (third, "Grade A")):
        second_looks.choose(each, label=label(name), reviewer=owner)
    period = {"from": THEN.date().isoformat(), "to": AFTER.date().isoformat()}
    page = client_of("cs_lead", shop).get("/admin/reports/agents/", period).content.decode()
    assert "67% · 2/3" in page
    assert "kappa 0.40 (" in page
