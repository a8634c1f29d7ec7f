"""Groups of agents and channels."""

from __future__ import annotations

from typing import Any

from api.base.filtering import ArchivableFilterSet
from api.base.serializers import StrictModelSerializer
from api.base.viewsets import ArchiveViewSet, Writes
from contacts.models import Team
from contacts.services import agents


class TeamFilterSet(ArchivableFilterSet):
    pass


class TeamSerializer(StrictModelSerializer):
    class Meta:
        model = Team
        fields = ("id", "name", "created_at", "deleted_at")


class TeamViewSet(ArchiveViewSet):
    """Groups of agents and channels."""

    queryset = Team.objects.none()
    serializer_class = TeamSerializer
    filterset_class = TeamFilterSet
    writes = Writes(
        create=agents.create_team,
        update=agents.update_team,
        archive=agents.archive_team,
        restore=agents.restore_team,
    )

    def rows(self) -> Any:
        return Team.all_objects.all()
