"""Who is looking: what somebody may see and do, worked out once per request or task.

Query sets, SQL, cache keys and exports take a `Viewer`, never a user: what is asked of the database and what is kept of
the answer then go by the same values. `contacts.selectors.viewing.viewer_of` makes the viewer of a user. Who acts, in
services and in the audit trail, stays a user.
"""

from __future__ import annotations

from dataclasses import dataclass

NOBODY = -1  # stands where no row has the id


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Which rows (`everything`, or what `teams`, `channels`, `agent` and `crm` show), and what may be done with them.

    teams: ids of the living teams whose channels, agents and contacts are seen.
    channels: ids of the channels of these teams, archived ones too.
    agent: id of the viewer's own agent, whose contacts are seen, where no team shows them anyway; else NOBODY.
    crm: id of the channel whose labels exist only here and are seen with their contact; NOBODY while there is none.
    user: id of the user who looks, for what is theirs alone; NOBODY for none.
    rights: Django's names of permissions, such as "contacts.view_contact".
    language: "id" or "en".
    """

    everything: bool = False
    teams: frozenset[int] = frozenset()
    channels: frozenset[int] = frozenset()
    agent: int = NOBODY
    crm: int = NOBODY
    user: int = NOBODY
    rights: frozenset[str] = frozenset()
    language: str = "id"

    def may(self, *rights: str) -> bool:
        """True for who has all of these rights."""
        return self.rights.issuperset(rights)

    @property
    def is_in_no_team(self) -> bool:
        """True for whose role shows rows of teams while they are in no living one: they see nobody, or only whom
        their own agent answers.
        """
        reads = self.may("contacts.view_contact") or self.may("reports.view_report")
        return reads and not self.everything and not self.teams

    @property
    def sight(self) -> Viewer:
        """What decides rows and nothing else: viewers of one sight see the same rows, and may share what was read."""
        return Viewer(
            everything=self.everything, teams=self.teams, channels=self.channels, agent=self.agent, crm=self.crm
        )
