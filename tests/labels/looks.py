"""Grades to look at a second time: spells as projections leave them, each with the words before it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from contacts.models import Contact
from labels.models import CleanSpell, Label, LookSample, SampledGrade
from labels.services import second_looks
from tests.desk.conftest import Shop
from tests.factories import THEN

WEEK = date(2026, 3, 2)  # THEN is its Monday
GRADES = ("Grade A", "Grade B", "Grade C")


def label(name: str) -> Label:
    found: Label = Label.objects.get(name=name)
    return found


def grade(shop: Shop, name: str, *, at: datetime = THEN, contact: Contact | None = None, **values: Any) -> Contact:
    """Somebody who wrote an hour before the shop's CS put the label on."""
    contact = contact or shop.contact()
    shop.say(contact, f"Halo, saya {contact.pk}", minute=int((at - THEN) / timedelta(minutes=1)) - 60)
    agent = values.pop("agent", shop.agent)
    CleanSpell.objects.create(
        contact=contact, label=label(name), channel=shop.channel, agent=agent,
        **({"method": "channel_owner", "found": False, "started_at": at} | values),
    )  # fmt: skip
    return contact


def graded_week(shop: Shop, *names: str) -> list[SampledGrade]:
    """A number with all grades, and the sample of the week in which its CS gave these, in their order."""
    for name in GRADES:
        if not shop.channel.labels.filter(name=name).exists():
            shop.whatsapp_label(name)
    for n, name in enumerate(names):
        grade(shop, name, at=THEN + timedelta(hours=n))
    second_looks.draw(WEEK, actor=None, agents=[shop.agent.pk])
    return list(LookSample.objects.get(agent=shop.agent).grades.order_by("graded_at"))
