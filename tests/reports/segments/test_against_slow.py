"""Every segment means the people whom reading all records one by one finds, for everybody who may look."""

from __future__ import annotations

import random

import pytest

from contacts.models import Agent, Contact, Team
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer
from reports.segments.definition import GRAMMAR, parse_definition
from reports.segments.members import Members
from tests.crm_labels import label_in_the_crm
from tests.factories import UserFactory
from tests.reports.segments.definitions import Writer
from tests.reports.segments.numbers import COMPARED_ALONE
from tests.reports.segments.people import People
from tests.reports.world import DAYS, World, day
from tests.services_plugin import is_full_run

pytestmark = pytest.mark.django_db

SEEDS = range(3000, 3200) if is_full_run() else range(3000, 3002)
RANDOM = 25 if is_full_run() else 10  # definitions
NOW = day(DAYS + 1)
EVERYTHING = Viewer(everything=True, rights=frozenset({"reports.view_report"}))
NAMES = ["Siti Ánggraini", "BUDI", "siti", "Ñoman 👍", "100%_asli", "", "Ｓｉｔｉ", "ﬁtri", "Émile"]


def played(seed: int) -> None:
    """A world, people of whom little is known, and what no gateway tells: who answers whom, labels only here, …"""
    world, chance = World(seed, contacts=16), random.Random(seed)
    world.play()
    first, _second, third, _fourth = world.bridges
    for bridge, person in ((first, "6281999000001"), (third, "447400123456")):
        bridge.post("message", chat=person, at=day(5), message={"id": f"only-{person}", "text": "halo"})
    third.label("added", "4", "6281999000002", at=day(6))
    third.label("removed", "4", "6281999000002", at=day(9))
    for bridge in (first, third):
        bridge.drain()
    agents = [*Agent.objects.order_by("id"), None]
    for contact in Contact.all_objects.order_by("id"):
        contact.name = chance.choice(NAMES)
        contact.assigned_to = chance.choice(agents)
        contact.follow_up_at = chance.choice([None, day(chance.uniform(0, DAYS))])
        contact.opted_out_at = chance.choice([None, None, day(3)])
        contact.save()
    Contact.objects.filter(pk__in=Contact.objects.order_by("-id").values("id")[1:4]).update(phone="")
    for contact in chance.sample(list(Contact.objects.order_by("id")), 5):
        label_in_the_crm(contact, day(chance.uniform(20, DAYS)), chance.choice(["Grade A", "Selesai", "Hadiah"]))


def viewers() -> list[Viewer]:
    sales, wholesale = Team.objects.get(name="Sales"), Team.objects.get(name="Grosir")
    alone = UserFactory(role="cs")
    Agent.objects.filter(code="sari").update(user=alone)
    users = [UserFactory(role="cs_lead", teams=teams) for teams in ([sales], [wholesale], [sales, wholesale], [])]
    return [EVERYTHING, *map(viewer_of, users), viewer_of(type(alone).objects.get(pk=alone.pk))]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_segment_means_whom_the_records_mean(seed: int) -> None:
    played(seed)
    writer = Writer(seed)
    every = [
        {"any": [{"all": [writer.of(field, op)]}]}
        for field, ops in GRAMMAR.items()
        for op in ops
        if op not in COMPARED_ALONE
    ]
    # Every viewer is asked in one of two worlds; `make test-full` asks all of them in each.
    for viewer in viewers() if is_full_run() else viewers()[seed % 2 :: 2]:
        people = People(viewer, NOW)
        for given in [*every, *(writer.definition() for _ in range(RANDOM))]:
            members, meant = Members(parse_definition(given), viewer, NOW), people.meant(given)
            assert list(members.ids()) == meant, (given, viewer)
            assert members.count() == len(meant)
            assert members.page(after=meant[0] if meant else 0, limit=3) == meant[1:4]
            assert set(members.contacts().values_list("pk", flat=True)) == set(meant)


def test_the_random_definitions_mean_something() -> None:
    """Segments that mean nobody, or everybody, would agree with anything."""
    played(3000)
    writer, people = Writer(3000), People(EVERYTHING, NOW)
    every = [(field, op) for field, ops in GRAMMAR.items() for op in ops if op not in COMPARED_ALONE]
    everybody = len(people.seen)

    def means_some(field: str, op: str) -> bool:
        drawn = (writer.of(field, op) for _ in range(10 if field == "report" else 30))
        return any(0 < len(people.meant({"any": [{"all": [condition]}]})) < everybody for condition in drawn)

    idle = {name for name in every if not means_some(*name)}
    assert idle == {("first_seen", "empty")}, "everybody was seen at some time"
