"""What goes wrong is said in the reader's language, with the next step, in our own look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client

from tests.browser.serving import database_url
from tests.desk.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "path", "status", "sentence"),
    [
        ("cs", "/admin/reports/agents/", 403, "Halaman ini bukan untuk peran Anda"),
        ("cs", "/admin/no-such-page/", 404, "Tidak ada halaman di alamat ini"),
        ("root", "/admin/contacts/contact/?after=damaged", 400, "Alamat ini tidak lengkap"),
    ],
)
def test_a_wrong_turn_is_explained_and_leads_home(
    client_of: Callable[..., Client], shop: Shop, role: str, path: str, status: int, sentence: str
) -> None:
    answer = client_of(role, shop, language="id").get(path)
    assert answer.status_code == status
    page = answer.content.decode()
    assert sentence in page
    assert 'href="/admin/"' in page
    assert '<html lang="id">' in page
    assert "<script" not in page


def test_a_form_from_an_old_page_is_refused_with_a_reason(shop: Shop) -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert answer.status_code == 403
    assert "Formulir Anda tidak terkirim" in answer.content.decode()


def test_our_own_fault_is_said_without_a_database_or_a_request(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert 'href="/admin/"' in render_to_string("500.html")


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Nobody can read spells of labels, and whoever asks is given up after a quarter of a second."""
    with psycopg.connect(database_url()) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE labels_cleanspell IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET statement_timeout = 250")
        yield
        cursor.execute("SET statement_timeout = 0")


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_says_so_and_what_to_do_instead(
    client_of: Callable[..., Client], shop: Shop, impatient: None
) -> None:
    client = client_of("root", shop, language="id")
    page, answer = client.get("/admin/reports/campaigns/"), client.get("/api/v1/reports/campaigns/?period=last_30")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "Terlalu lama dihitung" in page.content.decode()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.json()["error"]["code"] == "too_slow"
    assert client.get("/admin/labels/label/").status_code == 200
