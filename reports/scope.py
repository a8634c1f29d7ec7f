"""What users see alike, so that one reading of the database serves all their open pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from contacts.models.querysets import sees_everything, team_ids

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Scope:
    """Stands in for a user in `visible_to`. Users of the same teams share one.

    `pk` is a user's only where contacts are assigned to an agent of theirs that has no team, or none that lives.
    """

    everything: bool
    teams: tuple[int, ...] = ()
    pk: int = NOBODY

    is_active: ClassVar[bool] = True

    @classmethod
    def of(cls, user: Any) -> Self:
        """The scope of a logged-in user."""
        if sees_everything(user):
            return cls(everything=True)
        agent, teams = getattr(user, "agent", None), tuple(team_ids(user))
        alone = agent is not None and not agent.is_archived and agent.team_id not in teams
        return cls(everything=False, teams=teams, pk=user.pk if alone else NOBODY)

    @property
    def is_superuser(self) -> bool:
        return self.everything

    @property
    def _labelcrm_team_ids(self) -> list[int]:
        return list(self.teams)

    def has_perm(self, permission: str) -> bool:
        """Only asked for `contacts.see_all_teams`."""
        return self.everything
