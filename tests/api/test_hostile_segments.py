"""Definitions that somebody wrote to break something: each is refused with its place, and none is our fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from reports.segments.definition import GRAMMAR, Arguments, InvalidDefinition, parse_definition
from tests.api.conftest import get
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/segments/preview/"
WRONG: list[Any] = [
    None,
    "",
    "'; DROP TABLE contacts_contact; --",
    10**30,
    -1,
    1.5,
    {},
    [],
    [[]],
    [{}],
    ["\x00"],
    [None, {}],
]
GOOD: dict[str, Any] = {
    "labels": [1], "categories": ["filter"], "agents": [1], "channels": ["cs1"], "campaigns": [1], "teams": [1],
    "days": 3, "value": True, "from": {"days_ago": 3}, "to": {"days_ago": 1}, "times": 2, "figure": "added", "row": 1,
    "label": 1, "team": 1, "channel": "cs1", "certain": True, "touch": "last", "basis": "event", "week": "2026-03-02",
}  # fmt: skip
TEXTS = {"name": "ani", "phone": "+62812"}


def meant(condition: Any) -> dict[str, Any]:
    return {"any": [{"all": [condition]}]}


def right(field: str, op: str, arguments: Arguments) -> dict[str, Any]:
    """A condition of which nothing is wrong but, perhaps, that there is no such row."""
    names = [*arguments.required, *list(arguments.one_of)[:1]]
    return {"field": field, "op": op} | {name: GOOD.get(name, TEXTS.get(field)) for name in names}


def hostile() -> Iterator[tuple[Any, str]]:
    """Definitions, and the place in each that is wrong."""
    for field, operators in GRAMMAR.items():
        for op, arguments in operators.items():
            condition = right(field, op, arguments)
            for name in arguments.all:
                for wrong in WRONG:
                    if name == "text" and wrong and isinstance(wrong, str) and field == "name":
                        continue  # somebody may be looked for by it
                    if name == "row" and wrong is None:
                        continue  # the row of nobody
                    yield meant(condition | {name: wrong}), f"any[0].all[0].{name}"
            yield meant(condition | {"sql": "1=1"}), "any[0].all[0].sql"
            yield meant(condition | {"not": "true"}), "any[0].all[0].not"
            for name in arguments.required:
                yield meant({key: value for key, value in condition.items() if key != name}), f"any[0].all[0].{name}"
    for wrong in WRONG:
        yield {"any": wrong}, "any"
        yield {"any": [{"all": wrong}] if wrong != [] else [wrong]}, "any[0]"
        yield meant({"field": wrong, "op": "is"}), "any[0].all[0].field"
        yield meant({"field": "stale", "op": wrong}), "any[0].all[0].op"
    nested: Any = {"any": []}
    for _ in range(20):
        nested = meant(nested)
    yield nested, "any[0].all[0]"


HOSTILE = list(hostile())


def refusal(definition: Any) -> InvalidDefinition:
    with pytest.raises(InvalidDefinition) as caught:
        parse_definition(definition)
    return caught.value


def test_hundreds_of_hostile_definitions_are_refused_by_place() -> None:
    assert len(HOSTILE) > 300
    for definition, place in HOSTILE:
        refused = refusal(definition)
        assert refused.place.startswith(place), (definition, refused.place)
        assert refused.message


def test_the_api_says_the_place_of_what_is_wrong(owner: APIClient) -> None:
    for definition, place in HOSTILE[::7]:
        answer = owner.post(ADDRESS, {"definition": definition}, format="json")
        assert answer.status_code == 400, definition
        told = json.dumps(answer.json())
        assert place in told or "NUL" in told or "too_deep" in told, (definition, told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from([*GRAMMAR, "is", "active"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["any", "all", "field", "op", "not", "labels", "from", "days_ago", "text", "value"])
        | st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip
CONDITIONS = st.sampled_from(
    [right(field, op, arguments) for field, operators in GRAMMAR.items() for op, arguments in operators.items()]
)
BENT = st.lists(
    st.builds(
        lambda condition, more: condition | more, CONDITIONS, st.dictionaries(st.sampled_from([*GOOD, "text"]), JSON)
    ),
    max_size=3,
).map(lambda conditions: {"any": [{"all": conditions}]})


@settings(
    max_examples=1500 if is_full_run() else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(definition=JSON | BENT | st.lists(CONDITIONS, max_size=4).map(lambda some: {"any": [{"all": some}]}))
def test_whatever_is_asked_the_answer_is_a_count_or_a_refusal(owner: APIClient, definition: Any) -> None:
    answer = owner.post(ADDRESS, {"definition": definition}, format="json")
    assert answer.status_code in (200, 400), answer.content
    if answer.status_code == 400:
        assert answer.json()["error"]["message"]
    else:
        assert answer.json()["count"] == 0


def test_a_segment_whose_definition_names_what_is_gone_still_answers(owner: APIClient) -> None:
    """It is read strictly when it is written; what it names may be deleted or out of the reader's sight later."""
    from reports.models import Segment

    gone = meant({"field": "label", "op": "active", "labels": [999_999], "channels": ["nowhere"]})
    segment = Segment.objects.create(name="Gone", definition=gone, shared="everyone")
    assert get(owner, f"segments/{segment.pk}/contacts")["results"] == []
