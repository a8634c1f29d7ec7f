"""What goes wrong is said in the reader's language, with the next step, in our own look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

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
