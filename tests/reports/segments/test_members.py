"""How members are read: by pages, of many labels, and without a trace in the transaction around."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact
from labelcrm.core.viewer import Viewer
from labels.models import Label
from reports.segments.compiler import MOST_STREAMS
from reports.segments.definition import parse_definition
from reports.segments.members import Members
from tests.crm_labels import label_in_the_crm
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

PLANNING = ("enable_hashjoin", "enable_hashagg", "cursor_tuple_fraction")


@pytest.fixture
def labelled() -> list[Contact]:
    """Seven contacts with one label each, all of them different but the first two."""
    people = [ContactFactory() for _ in range(7)]
    for number, contact in enumerate(people):
        label_in_the_crm(contact, timezone.now(), f"Label {max(number, 1)}")
    return people


def members_of(*labels: int) -> Members:
    condition = {"field": "label", "op": "active", "labels": list(labels)}
    return Members(parse_definition({"any": [{"all": [condition]}]}), Viewer(everything=True), timezone.now())


def settings_now() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in PLANNING)}")
        return list(cursor.fetchone() or ())


def test_pages_go_on_where_the_last_one_ended(labelled: list[Contact]) -> None:
    members = members_of(*Label.objects.values_list("pk", flat=True))
    first = members.page(limit=4)
    second = members.page(after=first[-1], limit=4)
    assert [*first, *second] == [contact.pk for contact in labelled]
    assert members.page(after=second[-1], limit=4) == []


@pytest.mark.parametrize("more", [0, MOST_STREAMS], ids=["few", "many"])
def test_however_many_labels_are_named_the_same_people_are_meant(labelled: list[Contact], more: int) -> None:
    last = Label.objects.latest("pk").pk
    chosen = Label.objects.filter(assignments__contact__in=labelled[:3]).distinct().values_list("pk", flat=True)
    members = members_of(*chosen, *range(last + 1, last + 1 + more))
    assert members.query.in_order == (more == 0)
    assert list(members.ids()) == [contact.pk for contact in labelled[:3]]
    assert members.count() == 3


def test_later_statements_of_the_transaction_are_planned_as_ever(labelled: list[Contact]) -> None:
    members = members_of(*Label.objects.values_list("pk", flat=True))
    before = settings_now()
    with transaction.atomic():
        members.count()
        assert settings_now() == before
        members.page(limit=2)
        assert settings_now() == before
        assert next(members.ids()) == labelled[0].pk
        assert settings_now() == before
