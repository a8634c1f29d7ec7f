"""The list of labels: how much each is used, sorted by it, for what the reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labels.models import Label
from labels.services import projections
from tests.desk.conftest import Shop
from tests.factories import THEN

ClientOf = Callable[..., Client]
LIST = "/admin/labels/label/"


def used(shop: Shop, name: str, contacts: int) -> None:
    """A label that so many contacts of a shop have."""
    row = shop.whatsapp_label(name)
    labelled = [shop.put(shop.contact(), row).contact_id for _n in range(contacts)]
    projections.refresh(labelled)


def first(client: Client, column: str) -> str:
    """The label at the top when the list is sorted by a column, the most first."""
    page = client.get(LIST)
    heads = re.findall(r'class="column-(\w+)"[^>]*><a href="([^"]+)"', page.content.decode())
    query = dict(heads)[column].replace("&amp;", "&")
    found = client.get(LIST + query)
    if found.context["cl"].result_list[0].active == 0:  # the first click sorts upwards
        found = client.get(LIST + re.sub(r"o=(\d)", r"o=-\1", query))
    return str(found.context["cl"].result_list[0].name)


def test_the_list_says_how_much_each_label_is_used(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    used(shop, "Grade A", 2)
    used(other_shop, "Grade B", 3)
    with time_machine.travel(THEN, tick=False):
        client = client_of("root")
        html = client.get(LIST).content.decode()
        assert {first(client, column) for column in ("active_shown", "added_shown", "numbers")} >= {"Grade B"}
        lead = client_of("cs_lead", shop)
        rows = {row.name: row for row in lead.get(LIST).context["cl"].result_list}
    grade = Label.objects.get(name="Grade A")
    assert f'href="/admin/contacts/contact/?label={grade.pk}">2</a>' in html
    assert "2 Mar 2026" in html
    assert "never" in html
    assert (rows["Grade A"].active, rows["Grade A"].added, rows["Grade A"].number_count) == (2, 2, 1)
    assert (rows["Grade B"].active, rows["Grade B"].added, rows["Grade B"].number_count) == (0, 0, 0)


def test_the_list_costs_the_same_for_any_number_of_labels(client_of: ClientOf, shop: Shop) -> None:
    client = client_of("root")

    def queries() -> Any:
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        return [query["sql"] for query in captured]

    used(shop, "Grade A", 1)
    few = queries()
    for name in "Grade B", "Komplain", "Selesai":
        used(shop, name, 2)
    many = queries()
    assert len(many) == len(few)
    assert sum("labels_labelday" in sql for sql in many) == 1, "nothing is worked out to count the rows"
