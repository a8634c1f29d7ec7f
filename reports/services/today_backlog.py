"""What is done at once about everybody of one kind on the Today page, some hundred at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contacts.models import Agent
from contacts.selectors.viewing import viewer_of
from labelcrm.core.jobs import JobRefused, Step
from labelcrm.core.models import Job, User
from labels.services import today as services
from labels.services.today import TodayOutcome, TodayTask
from reports.selectors import today
from reports.selectors.today_kinds import BY_CODE

UNDONE = 300  # contacts of one step that takes back


def backlog_step(job: Job) -> Step:
    """One step of a job that `reports.jobs.clear_backlog` started: the next contacts, in the order of their ids.

    Whose rights count are its owner's at the moment of the step.
    """
    asked, owner = job.parameters, job.owner
    if owner is None or not viewer_of(owner).may("contacts.change_contact"):
        raise JobRefused("gone")
    kind = BY_CODE[asked["kind"]]
    scope = today.narrow(today.scope_of(viewer_of(owner)), asked["agent"])
    scope = replace(scope, by_contact=True, after=job.cursor.get("after", 0))
    tasks = [TodayTask(row.contact, row.kind, row.label, row.ref) for row in today.next_rows(scope, kind)]
    if asked["do"] == "settle" and not scope.viewer.may(kind.right):
        raise JobRefused("gone")
    cursor = {"done": 0, "refused": 0} | job.cursor
    if not tasks:
        return Step(progress=cursor["done"], total=cursor["done"], result=_counts(cursor))
    outcome = _do(asked, tasks, owner)
    cursor["done"] += len(outcome.done)
    cursor["refused"] += len(outcome.refused)
    cursor["after"] = tasks[-1].contact
    return Step(cursor=cursor, progress=cursor["done"])


def _do(asked: dict[str, Any], tasks: Sequence[TodayTask], owner: User) -> TodayOutcome:
    batch, origin = UUID(asked["batch"]), asked["origin"]
    if asked["do"] == "assign":
        agent = Agent.objects.filter(pk=asked["to"]).first()
        if agent is None:
            raise JobRefused("gone")
        return services.assign(tasks, actor=owner, agent=agent, origin=origin, batch=batch)
    if asked["do"] == "settle":
        return services.settle(tasks, actor=owner, reason=asked["reason"], origin=origin, batch=batch)
    until = datetime.fromisoformat(asked["until"]) if asked["until"] else None
    return services.put_off(tasks, actor=owner, until=until, reason=asked["reason"], batch=batch)


def _counts(cursor: dict[str, Any]) -> dict[str, int]:
    return {"done": cursor["done"], "refused": cursor["refused"]}


def undo_step(job: Job) -> Step:
    """One step of taking back a job's batch."""
    asked, done = job.parameters, job.cursor.get("done", 0)
    contacts = services.undo(UUID(asked["batch"]), actor=job.owner, origin=asked["origin"], most=UNDONE)
    done += len(contacts)
    if not contacts:
        return Step(progress=done, total=done, result={"done": done, "refused": 0})
    return Step(cursor={"done": done}, progress=done)
