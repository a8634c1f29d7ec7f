"""Customer-service agents."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from api.base.filtering import ArchivableFilterSet, IdFilter, unknown_value
from api.base.serializers import StrictModelSerializer, VisibleField
from api.base.viewsets import ArchiveViewSet, Writes
from contacts.models import Agent, Team
from contacts.services import agents


class AgentFilterSet(ArchivableFilterSet):
    team = IdFilter(method="of_team")

    def of_team(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        if not Team.all_objects.visible_to(self.viewer).filter(pk=value).exists():
            raise unknown_value()
        return queryset.filter(team_id=value)


class AgentSerializer(StrictModelSerializer):
    # Only a team the user sees: whoever could move their own agent anywhere would see every team's rows.
    team = VisibleField(queryset=Team.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Agent
        fields = ("id", "code", "name", "team", "user", "created_at", "deleted_at")
        read_only_fields = ("user", "created_at")  # who logs in as whom is decided in the admin


class AgentViewSet(ArchiveViewSet):
    """Customer-service agents."""

    queryset = Agent.objects.none()
    serializer_class = AgentSerializer
    filterset_class = AgentFilterSet
    writes = Writes(
        create=agents.create_agent,
        update=agents.update_agent,
        archive=agents.archive_agent,
        restore=agents.restore_agent,
    )

    def rows(self) -> Any:
        return Agent.all_objects.all()
