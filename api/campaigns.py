"""What brought contacts here."""

from __future__ import annotations

from typing import Any

from django_filters import CharFilter

from api.base.filtering import ArchivableFilterSet
from api.base.serializers import StrictIntegerField, StrictModelSerializer
from api.base.viewsets import ArchiveViewSet, Writes
from contacts.models import Campaign
from contacts.services import campaigns

MAX_COST = 10**14 - 1  # Campaign.cost has 14 digits


class CampaignFilterSet(ArchivableFilterSet):
    code = CharFilter()


class CampaignSerializer(StrictModelSerializer):
    cost = StrictIntegerField(min_value=0, max_value=MAX_COST, allow_null=True, required=False)

    class Meta:
        model = Campaign
        fields = (
            "id", "code", "name", "source", "cost", "starts_on", "ends_on", "created_at", "updated_at", "deleted_at",
        )  # fmt: skip


class CampaignViewSet(ArchiveViewSet):
    """What brought contacts here; `cost` in rupiah."""

    queryset = Campaign.objects.none()
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilterSet
    writes = Writes(
        create=campaigns.create_campaign,
        update=campaigns.update_campaign,
        archive=campaigns.archive_campaign,
        restore=campaigns.restore_campaign,
    )

    def rows(self) -> Any:
        return Campaign.all_objects.all()
