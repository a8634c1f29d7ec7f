"""Whatever is asked, the answer is one of ours: never a 500, and errors always look the same."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from api.urls import ENDPOINTS
from labels.models import Label
from tests.api.story import Story
from tests.factories import CampaignFactory
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db

HOSTILE = [
    "", " ", "\x00", "a\x00b", "0", "-1", "1e400", "NaN", "Infinity", "9" * 19, "9" * 400, "1.5", "٣", "true", "True",
    "null", "[]", "{}", "' OR 1=1 --", "%", "_", "\\", "💥", "\ud83d".encode("utf-8", "surrogatepass").decode("latin1"),
    "\u202e", "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-02T10:00:00+99:99",
    "2026-03-02T24:00:00", "-2026-01-01", "__proto__", "password", "../../etc/passwd", "+", "++62", "@lid", "1@lid",
    "62812@g.us", "status@broadcast", "x" * 5000, "\r\nSet-Cookie: a=b", "{{7*7}}", "<script>", "1;2", "1,2",
]  # fmt: skip

values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=30),
    st.integers(min_value=-(2**70), max_value=2**70).map(str),
    st.datetimes().map(str),
    st.from_regex(r"[+0-9() -]{1,25}(@(lid|c\.us))?", fullmatch=True),
)
MANY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=500 if is_full_run() else 20,
    derandomize=True,
)


def parameters_of(path: str) -> list[str]:
    filterset = getattr(ENDPOINTS[path], "filterset_class", None)
    return ["cursor", "page_size", "format", *(filterset.base_filters if filterset else ())]


def is_ours(response: Any) -> bool:
    if response.status_code < 300:
        return True
    error = response.json()["error"]
    return response.status_code in {400, 403, 404, 405, 413, 415} and bool(error["code"]) and bool(error["message"])


@pytest.fixture
def filled(story: Story) -> Story:
    contact = story.contact(campaign=CampaignFactory())
    story.put_on(contact, "Grade A")
    story.message(contact)
    story.post()
    return story


def every_parameter_once() -> list[tuple[str, str]]:
    """(endpoint, parameter): filters that are shared are asked on the first endpoint that has them."""
    first: dict[str, str] = {}
    for path in ENDPOINTS:
        for name in parameters_of(path):
            first.setdefault(name, path)
    return sorted((path, name) for name, path in first.items())


def values_for(path: str, name: str) -> list[str]:
    """A third of the hostile values, the next parameter the next third: neighbours are of one kind. In full, all."""
    first = every_parameter_once().index((path, name)) % 3
    return HOSTILE if is_full_run() else HOSTILE[first::3]


@pytest.mark.parametrize(("path", "name"), every_parameter_once())
def test_no_hostile_value_of_a_parameter_is_our_fault(owner: APIClient, filled: Story, path: str, name: str) -> None:
    for value in values_for(path, name):
        assert is_ours(owner.get(f"/api/v1/{path}/?{name}={quote(value, safe='')}")), value


@pytest.mark.parametrize("path", ENDPOINTS)
def test_no_combination_of_parameters_is_our_fault(owner: APIClient, filled: Story, path: str) -> None:
    names = st.one_of(st.sampled_from(parameters_of(path)), st.text(max_size=10))

    @MANY
    @given(st.lists(st.tuples(names, values), max_size=4))
    def ask(pairs: list[tuple[str, str]]) -> None:
        query = "&".join(f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in pairs)
        assert is_ours(owner.get(f"/api/v1/{path}/?{query}")), query

    ask()


@pytest.mark.parametrize("query", ["%", "%zz", "%ff%fe", "=", "&&&", "a=1;b=2", "q=%ED%A0%80", "q[]=1", "q=a&" * 900])
def test_no_spelling_of_a_query_is_our_fault(owner: APIClient, db: None, query: str) -> None:
    assert is_ours(owner.get(f"/api/v1/contacts/?{query}"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("path", ["contacts", "labels", "categories", "agents", "teams", "campaigns"])
def test_no_body_is_our_fault(owner: APIClient, filled: Story, path: str) -> None:
    pk = {
        "contacts": filled.channel.contact_links.get().contact_id,
        "labels": Label.objects.get(name="Grade A").pk,
        "categories": Label.objects.get(name="Grade A").category_id,
        "agents": filled.agent.pk,
        "teams": filled.channel.team_id,
        "campaigns": filled.channel.contact_links.get().contact.campaign_id,
    }[path]
    fields = st.sampled_from(list(ENDPOINTS[path].serializer_class().fields))
    bodies = st.one_of(st.dictionaries(fields, json_values, max_size=5), json_values)

    @MANY
    @given(bodies)
    def tell(body: Any) -> None:
        raw = json.dumps(body)
        for method, url in (("PATCH", f"/api/v1/{path}/{pk}/"), ("POST", f"/api/v1/{path}/")):
            assert is_ours(owner.generic(method, url, raw, content_type="application/json")), (method, raw)

    tell()


@MANY
@given(raw=st.binary(max_size=200))
def test_no_bytes_are_our_fault(owner: APIClient, raw: bytes) -> None:
    assert is_ours(owner.generic("POST", "/api/v1/teams/", raw, content_type="application/json"))
