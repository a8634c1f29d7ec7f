"""The API as a whole: its document, its pages, its errors, its limits."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from api.base import throttling
from tests.api.conftest import client_of, get
from tests.api.story import Story
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


# -- OpenAPI and its page --------------------------------------------------------------------------------------------


def test_the_openapi_document_has_no_faults(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


@pytest.mark.parametrize("query", ["", "?format=json"])
def test_the_openapi_document_is_served(client: Any, query: str) -> None:
    response = client.get(f"/api/schema/{query}")
    assert response.status_code == 200
    assert "/api/v1/contacts/" in response.content.decode()


def test_every_field_of_an_answer_is_in_the_document(owner: APIClient, client: Any, story: Story) -> None:
    story.put_on(story.contact(), "Grade A")
    document = json.loads(client.get("/api/schema/?format=json").content)
    for path, name in (("contacts", "Contact"), ("assignments", "Assignment"), ("channels", "Channel")):
        documented = document["components"]["schemas"][name]["properties"]
        assert set(documented) == set(get(owner, path)["results"][0])


def test_the_docs_page_keeps_to_files_of_this_server(client: Any) -> None:
    response = client.get("/api/docs/")
    page = response.content.decode()
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?://|javascript:", page)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200, address
        answer.close()


def test_the_docs_page_asks_this_server_for_the_document(client: Any) -> None:
    script = client.get("/api/docs/?script=").content.decode()
    assert "/api/schema/" in script
    assert "://" not in script


# -- Addresses and errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["v1/nope/", "v1/contacts/abc/", "v1/contacts/-1/", f"v1/contacts/{'9' * 30}/", "v2/"])
def test_an_unknown_address_is_404_in_json(owner: APIClient, path: str) -> None:
    response = owner.get(f"/api/{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_writing_to_an_unknown_address_is_the_same_404() -> None:
    response = APIClient(enforce_csrf_checks=True).post("/api/v1/inbox/x/replay/")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_reading_without_the_last_slash_is_forgiven_writing_is_not(owner: APIClient) -> None:
    response = owner.get("/api/v1/contacts?q=budi", follow=False)
    assert (response.status_code, response.headers["Location"]) == (301, "/api/v1/contacts/?q=budi")
    assert owner.post("/api/v1/teams", {"name": "Sales"}, format="json").status_code == 404


def test_the_root_lists_the_endpoints(owner: APIClient, client: Any) -> None:
    assert set(owner.get("/api/v1/").json()) >= {"contacts", "assignments", "inbox", "label-events"}
    assert client.get("/api/v1/").status_code == 401


def test_a_method_that_is_not_there_is_405(owner: APIClient) -> None:
    response = owner.put("/api/v1/contacts/", {}, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")


def test_a_method_that_is_not_there_is_405_whatever_was_asked_with_it(owner: APIClient) -> None:
    for method in ("put", "delete", "trace"):
        for path in ("contacts", "inbox/summary", "reports/agents"):
            assert getattr(owner, method)(f"/api/v1/{path}/?channel=cs1&x=1").status_code == 405, (method, path)


def test_the_document_names_every_status_and_what_a_text_may_be(client: Any) -> None:
    document = json.loads(client.get("/api/schema/?format=json").content)
    label = document["paths"]["/api/v1/labels/{id}/"]["patch"]
    assert set(label["responses"]) >= {"200", "400", "401", "403", "404", "405", "409", "413", "415", "429", "503"}
    body = document["components"]["schemas"]["PatchedLabelRequest"]
    assert body["additionalProperties"] is False
    assert re.search(body["properties"]["name"]["pattern"], "Grade A")
    assert not re.search(body["properties"]["name"]["pattern"], " \x1f")
    assert not re.search(body["properties"]["name_en"]["pattern"], "a\x00")


def test_errors_come_in_the_users_language(db: None) -> None:
    for language, words in (("en", "There is no such parameter here."), ("id", "")):
        client = client_of(UserFactory(role="owner", language=language))
        assert words in client.get("/api/v1/contacts/?x=1").json()["error"]["message"]


def test_answers_are_kept_by_no_cache(owner: APIClient) -> None:
    assert owner.get("/api/v1/contacts/").headers["Cache-Control"] == "no-store"


def test_a_database_that_is_away_is_503_and_worth_another_try(
    owner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.contacts import ContactViewSet

    def gone(self: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(ContactViewSet, "rows", gone)
    response = owner.get("/api/v1/contacts/")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0


# -- Tokens and throttle ---------------------------------------------------------------------------------------------


def test_the_command_prints_a_token_that_works(db: None) -> None:
    user, out = UserFactory(role="analyst"), io.StringIO()
    call_command("drf_create_token", user.username, stdout=out)
    token = re.search(r"\b[0-9a-f]{40}\b", out.getvalue())
    assert token
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token[0]}")
    assert client.get("/api/v1/contacts/").status_code == 200
    with pytest.raises(CommandError):
        call_command("drf_create_token", "nobody")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_800_000_000.0]
    monkeypatch.setattr(throttling.time, "time", lambda: now[0])
    return now


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling.TokenThrottle, "limit", 3)


def test_a_token_may_ask_twelve_hundred_times_a_minute(db: None) -> None:
    assert throttling.TokenThrottle().limit == 1200


def test_above_the_rate_is_429_with_the_time_to_wait(
    owner: APIClient, clock: list[float], three_a_minute: None
) -> None:
    for _ in range(3):
        assert owner.get("/api/v1/teams/").status_code == 200
        clock[0] += 10
    refused = owner.get("/api/v1/teams/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "throttled")
    assert refused.headers["Retry-After"] == "30"
    clock[0] += 29
    assert owner.get("/api/v1/teams/").status_code == 429
    clock[0] += 1
    assert owner.get("/api/v1/teams/").status_code == 200
    assert owner.get("/api/v1/teams/").status_code == 429


def test_one_tokens_hurry_is_not_anothers(
    as_role: Callable[..., APIClient], clock: list[float], three_a_minute: None
) -> None:
    busy, calm = as_role("owner"), as_role("owner")
    assert [busy.get("/api/v1/teams/").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert calm.get("/api/v1/teams/").status_code == 200


def test_no_token_is_written_to_redis(db: None) -> None:
    user = UserFactory(role="owner")
    client_of(user).get("/api/v1/teams/")
    key = Token.objects.get(user=user).key
    assert not any(key.encode() in name for name in cache._cache.get_client().keys("*"))


def test_without_redis_nobody_is_throttled(owner: APIClient, three_a_minute: None) -> None:
    away = {"default": {"BACKEND": "labelcrm.core.cache.ForgivingRedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
    with override_settings(CACHES=away):
        assert [owner.get("/api/v1/teams/").status_code for _ in range(5)] == [200] * 5
