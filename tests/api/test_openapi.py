"""The OpenAPI document says exactly what the API takes and answers: schemathesis with all its checks finds nothing.

Over HTTP against the whole application and a real database, with an owner's token. The same examples each
time; `make test-full` asks many more.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from zlib import crc32

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections, transaction
from rest_framework.authtoken.models import Token
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import REQUEST_SHAPE_PROBES, CoveragePhaseData, CoverageScenario
from schemathesis.openapi.checks import RejectedPositiveData

from api.base.throttling import TokenThrottle
from tests.api.story import Story
from tests.factories import CampaignFactory, TeamFactory, UserFactory
from tests.services_plugin import is_full_run
from transfer.imports import REFUSALS

SEED = 8
EXAMPLES = 100 if is_full_run() else 2

# A segment's definition is one field of three operations and has thousands of boundaries. Some of them are asked where
# it is also computed, always the same; where it is only kept, those of the fields beside it and of the whole.
COMPUTED_AT, PLAIN = "POST /api/v1/segments/preview/", {"any": [{"all": []}]}
ONE_IN = 12
# Of a boundary that is asked with many values the first and some others; of what one function reads everywhere, some.
FURTHER_ONE_IN, SHARED_ONE_IN = 12, 5
# Read by one function for all operations: the shape of a request, and which optional values come together.
SHARED = {*REQUEST_SHAPE_PROBES, CoverageScenario.OBJECT_REQUIRED_AND_OPTIONAL}
# What the rows behind a number of a report take besides the parameters of the report; None is no parameter at all.
ROWS_ALONE = {"figure", "row", "cursor", "page_size", None}
# What all reports take and one function reads: asked of one of them, as a page of rows and as an export.
OF_ALL_REPORTS, ASKED_OF = {"from", "to", "period", "channel", "team"}, "labels"
EXPORTS = "/api/v1/exports/"
# How every list is paged, by one class: asked of one list, and of the rows behind one report.
PAGING, PAGED = {"cursor", "page_size"}, {"/api/v1/contacts/", f"/api/v1/reports/{ASKED_OF}/rows/"}

# Which rows there are, and what is in a file.
KNOWN_TO_DATA_ALONE = {"unknown_value", "does_not_exist", "empty_period", "too_long", *REFUSALS}


@pytest.fixture
def token(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """An owner's token, and a row of everything it may read."""
    monkeypatch.setattr(TokenThrottle, "limit", 10**9)
    with transaction.atomic():
        story = Story(team=TeamFactory(name="Sales"))
        contact = story.contact(campaign=CampaignFactory(), name="Bunga")
        story.put_on(contact, "Grade A")
        story.take_off(contact, "Grade A")
        story.put_on(contact, "Hot")
        story.message(contact)
        story.post()
    return Token.objects.create(user=UserFactory(role="owner")).key


class _Quiet(WSGIRequestHandler):
    def log_message(self, *told: Any) -> None:
        """Thousands of requests are asked; the test says which of them differ."""


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    """The application behind a server of one thread, which keeps its database connection from request to request."""
    server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_Quiet)

    def serve() -> None:
        server.serve_forever(poll_interval=0.05)
        connections.close_all()

    thread = threading.Thread(target=serve, name="openapi-server")
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it counts: what a document cannot know, which rows there are and how two times stand, does not."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    fields = json.loads(response.content)["error"].get("fields", {})
    return not {problem["code"] for problems in fields.values() for problem in problems} <= KNOWN_TO_DATA_ALONE


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Whether it is asked: what one function reads for many operations is asked of one of them, where that function
    is given it. `make test-full` asks all."""
    if is_full_run() or not isinstance(case.meta.phase.data, CoveragePhaseData):
        return True
    return _is_of_this_operation(context.operation.label, case) and _is_sampled(context.operation.label, case)


def _is_of_this_operation(operation: str, case: Any) -> bool:
    parameter = case.meta.phase.data.parameter
    if parameter in PAGING:
        return case.path in PAGED
    if case.path.endswith("/rows/"):
        return parameter in ROWS_ALONE
    if case.path.startswith("/api/v1/reports/"):
        return case.path == f"/api/v1/reports/{ASKED_OF}/" or parameter not in OF_ALL_REPORTS
    return not isinstance(case.body, dict) or _body_is_asked(operation, case)


_met: set[str] = set()  # the boundaries that were met in this run


def _is_sampled(operation: str, case: Any) -> bool:
    """Every kind of boundary of every field once, and always the same of its further values."""
    data = case.meta.phase.data
    kind = f"{operation} {data.parameter} {data.scenario} {re.sub(r'[0-9]+', '', data.description)}"
    of_reports = case.path.startswith("/api/v1/reports/") and f"/{ASKED_OF}/" not in case.path
    if (of_reports or data.scenario in SHARED) and crc32(kind.encode()) % SHARED_ONE_IN:
        return False
    is_new = kind not in _met
    _met.add(kind)
    return is_new or crc32(repr((case.query, case.body)).encode()) % FURTHER_ONE_IN == 0


def _body_is_asked(operation: str, case: Any) -> bool:
    """Of the boundaries inside a definition some at the preview; those of the filters of all reports at one of them."""
    if case.path == EXPORTS and isinstance(case.body.get("report"), str):
        return case.body["report"] == ASKED_OF or _filter_in(case.meta.phase.data) not in OF_ALL_REPORTS
    definition = case.body.get("definition")
    if not isinstance(definition, dict) or definition == PLAIN:
        return True
    chosen = crc32(json.dumps(definition, sort_keys=True).encode()) % ONE_IN == 0
    return chosen and operation == COMPUTED_AT


def _filter_in(data: CoveragePhaseData) -> str | None:
    """The filter of an export whose boundary this is: right ones are told in words, wrong ones by their place."""
    said = re.search(r"'filters' value: Object with valid '([\w-]+)' value", data.description)
    placed = re.search(r"/properties/filters/properties/([\w-]+)/", data.location or "")
    found = said or placed
    return found[1] if found else None


def test_schemathesis_finds_no_difference(token: str, address: str) -> None:
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"Token {token}"},
            "continue-on-failure": True,
            "request-timeout": 60,
            "checks": {"enabled": True},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none", "no-shrink": True},
        }
    )
    schema = schemathesis.openapi.from_url(f"{address}/api/schema/?format=json", config=config)
    _met.clear()
    differences: dict[str, str] = {}
    ran: dict[str, int] = defaultdict(int)
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            raise (event.value if isinstance(event, events.NonFatalError) else event.exception)
        if isinstance(event, events.ScenarioFinished):
            _collect(event.recorder, differences, ran)
    assert set(ran) >= set(CHECKS.get_all_names()) - {"max_response_time"}, "a check that never ran"
    assert not differences, f"{len(differences)} differences:\n\n" + "\n\n".join(differences.values())


def _collect(recorder: Any, differences: dict[str, str], ran: dict[str, int]) -> None:
    """What the checks of one scenario found, each kind of difference once per operation."""
    for case_id, checks in recorder.checks.items():
        for check in checks:
            ran[check.name] += 1
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            case = recorder.cases[case_id].value
            body = "" if not case.body else f"\nbody: {case.body!r:.300}"
            asked = f"{case.method} {case.formatted_path} {dict(case.query or {})!r:.300}{body}"
            differences.setdefault(
                f"{recorder.label} {check.name} {failure.title}", f"{check.name}: {failure}\n{asked}"
            )
