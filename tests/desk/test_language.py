"""Indonesian first, English second; kept with the user, before login in a cookie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

ClientOf = Callable[..., Client]


@pytest.mark.django_db
def test_the_login_page_is_indonesian_whatever_the_browser_wants(client: Client) -> None:
    html = client.get("/admin/login/", headers={"Accept-Language": "en-US"}).content.decode()
    assert '<html lang="id"' in html
    assert "Nama pengguna" in html
    assert "Selamat datang" in html


@pytest.mark.django_db
def test_a_stranger_chooses_english_and_keeps_it(client: Client) -> None:
    response = client.post("/language/", {"language": "en", "next": "/admin/login/"})
    assert response["Location"] == "/admin/login/"
    cookie = response.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "Username" in client.get("/admin/login/").content.decode()


def test_a_users_choice_is_stored_and_wins_over_the_cookie(client_of: ClientOf) -> None:
    client = client_of("cs_lead", language="id")
    client.post("/language/", {"language": "en"}, headers={"Referer": "http://testserver/admin/system/"})
    client.user.refresh_from_db()  # type: ignore[attr-defined]
    assert client.user.language == "en"  # type: ignore[attr-defined]
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "id"
    assert '<html lang="en"' in client.get("/admin/system/").content.decode()


def test_the_page_one_was_on_comes_back(client_of: ClientOf) -> None:
    response = client_of("cs_lead").post(
        "/language/", {"language": "id"}, headers={"Referer": "http://testserver/admin/x/?a=1"}
    )
    assert response["Location"] == "http://testserver/admin/x/?a=1"


@pytest.mark.django_db
@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_never_leaves_the_site(client: Client, away: str) -> None:
    assert client.post("/language/", {"language": "en", "next": away})["Location"] == "/admin/"


@pytest.mark.django_db
def test_only_languages_there_are(client: Client) -> None:
    assert client.post("/language/", {"language": "xx"}).status_code == 400
    assert client.post("/language/", {}).status_code == 400
    assert client.get("/language/").status_code == 405


@pytest.mark.django_db
def test_a_language_is_not_changed_from_another_site() -> None:
    assert Client(enforce_csrf_checks=True).post("/language/", {"language": "en"}).status_code == 403


@pytest.mark.django_db
def test_the_login_form_leads_home(client: Client) -> None:
    assert 'action="/admin/login/?next=/admin/"' in client.get("/admin/login/").content.decode()
    with_way = client.get("/admin/login/?next=/admin/system/").content.decode()
    assert 'action="/admin/login/?next=/admin/system/"' in with_way


@pytest.mark.django_db
def test_a_failed_login_is_told_in_one_indonesian_sentence(client: Client) -> None:
    text = client.post("/admin/login/", {"username": "admin", "password": "salah"}).text.lower()
    assert "tidak cocok" in text
    assert "nama pengguna nama pengguna" not in text
