"""Keeping segments: each change in one transaction with its audit row. Only who made one, or an owner, changes it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from contacts.selectors.viewing import own_teams
from labelcrm.core import edits
from labelcrm.core.viewer import Viewer
from reports.models import Segment

ADMINISTERS = "core.change_user"  # whoever looks after people looks after what those who left have made


def may_change(segment: Segment, viewer: Viewer) -> bool:
    """Whether a segment is the viewer's to change: others make a copy, so that nobody's export changes unasked."""
    return segment.owner_id == viewer.user or viewer.may(ADMINISTERS)


def create_segment(*, actor: Any, origin: str, **values: Any) -> Segment:
    """A new segment of the actor's, of a definition that was checked. Raises ValidationError."""
    with transaction.atomic():
        segment = edits.create(Segment, actor=actor, origin=origin, owner=actor, **values)
        _share(segment, actor)
    return segment


def update_segment(segment: Segment, *, actor: Any, origin: str, **values: Any) -> Segment:
    """The segment with other values. Raises ValidationError.

    The teams that see it stay unless who sees it changes: who made it may have left by now, or be in another team.
    """
    with transaction.atomic():
        before = edits.locked(segment).shared
        changed = edits.change(segment, actor=actor, origin=origin, **values)
        if changed.shared != before or _lacks_teams(changed):
            _share(changed, changed.owner or actor)
    return changed


def archive_segment(segment: Segment, *, actor: Any, origin: str) -> Segment:
    """Put a segment away; what was exported of it stays."""
    return edits.archive(segment, actor=actor, origin=origin)


def restore_segment(segment: Segment, *, actor: Any, origin: str) -> Segment:
    return edits.restore(segment, actor=actor, origin=origin)


def _lacks_teams(segment: Segment) -> bool:
    """Whether it is shared with a team and there is none, as when the team was deleted; an archived one is one."""
    rows = Segment.teams.through.objects.filter(segment=segment)
    return segment.shared == Segment.Sharing.TEAM and not rows.exists()


def _share(segment: Segment, owner: Any) -> None:
    teams = own_teams(owner) if segment.shared == Segment.Sharing.TEAM else []
    if segment.shared == Segment.Sharing.TEAM and not teams:
        sentence = _("You are in no team that could see it: choose “only me” or “everyone”.")
        raise ValidationError({"shared": ValidationError(sentence, code="no_team")})
    segment.teams.set(teams)
