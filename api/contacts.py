"""Contacts, with the labels they have now."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q
from django_filters import CharFilter
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.filtering import (
    LidFilter,
    MomentFilter,
    PhoneFilter,
    StrictFilterSet,
    UserIdFilter,
    UsernameFilter,
    unknown_value,
)
from api.base.lookups import contact_of, contacts_addressed, label_id, surviving_id
from api.base.serializers import StrictBooleanField, StrictModelSerializer, VisibleField
from api.base.viewsets import EditViewSet, Writes
from contacts.models import Agent, Campaign, Contact, ContactIdentity, IdentityKind
from contacts.selectors.hidden_numbers import named_exactly, username_like
from contacts.services.contacts import edit_contact
from labelcrm.lib import phones
from labelcrm.lib.numbers import row_id
from labelcrm.lib.phones import same_number
from labelcrm.lib.text import legible
from labels.models import LabelAssignment
from labels.rules.label_suggesting import BY_MODEL, BY_WORDS, NEW_ORDER, SET_LABEL
from labels.rules.label_words import CERTAIN, LIKELY
from labels.selectors.suggestions import suggestions_for


class ContactFilterSet(StrictFilterSet):
    phone = PhoneFilter(method="of_phone")
    lid = LidFilter(method="of_lid")
    label = CharFilter(method="with_label", label="Has this label now: its id, name or a spelling of it.")
    campaign = CharFilter(method="of_campaign", label="Id or code of the campaign that brought the contact.")
    user_id = UserIdFilter(method="of_user_id", label="Meta's id, such as `ID.1234567890`, or the parent one.")
    username = UsernameFilter(method="of_username", label="The whole username, with or without its `@`.")
    q = CharFilter(method="search", label="Part of the name or username, digits of the phone, a LID or a user id.")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")

    def of_phone(self, queryset: Any, name: str, value: tuple[str, ...]) -> Any:
        return queryset.filter(pk__in=contacts_addressed(value))

    def of_lid(self, queryset: Any, name: str, value: str) -> Any:
        return self._only(queryset, contact_of(IdentityKind.LID, value))

    def of_user_id(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(named_exactly(value))

    def of_username(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(username__iexact=value).exclude(username="")

    def with_label(self, queryset: Any, name: str, value: str) -> Any:
        active = LabelAssignment.objects.visible_to(self.viewer).active()
        return queryset.filter(Exists(active.filter(label_id=label_id(value), contact=OuterRef("pk"))))

    def of_campaign(self, queryset: Any, name: str, value: str) -> Any:
        pk = row_id(value)
        campaigns = Campaign.all_objects.visible_to(self.viewer).filter(
            Q(code=value) | Q(pk=pk) if pk else Q(code=value)
        )
        ids = list(campaigns.values_list("id", flat=True))
        if not ids:
            raise unknown_value()
        return queryset.filter(campaign_id__in=[pk] if pk in ids else ids)

    def search(self, queryset: Any, name: str, value: str) -> Any:
        found = Q(name__contains_unaccented=value) | phone_like(value)
        return queryset.filter(found | username_like(value) | named_exactly(value))

    def _only(self, queryset: Any, pk: int | None) -> Any:
        return queryset.none() if pk is None else queryset.filter(pk=pk)


def phone_like(text: str) -> Q:
    """Whose phone has the digits that `text` writes, or is a number that `text` may mean; nobody's for words."""
    found = Q(phone__in=phones.lookups(text, region=settings.PHONE_REGION))
    seen = legible(text)
    digits = re.sub("[^0-9]", "", seen).lstrip("0")
    if digits and not any(char.isalpha() for char in seen):
        found |= Q(phone__contains=digits)  # 0812… as it is said is +62812… as it is kept
        found |= Q(phone__in=same_number(f"+{digits}")[1:])
    return found


class ContactLabelSerializer(serializers.ModelSerializer[Any]):
    """A label that a contact has now on one channel."""

    id = serializers.IntegerField(source="label_id", read_only=True)
    name = serializers.CharField(source="label.name", read_only=True)
    category = serializers.SerializerMethodField()
    channel = serializers.CharField(source="channel.key", read_only=True)

    class Meta:
        model = LabelAssignment
        fields = ("id", "name", "category", "channel", "added_at")
        read_only_fields = ("added_at",)

    def get_category(self, assignment: Any) -> str | None:
        category = assignment.label.category
        return category.code if category is not None else None


class OptedOutField(StrictBooleanField):
    """Writes a boolean, reads the time behind it."""

    def get_attribute(self, instance: Any) -> bool:
        return instance.opted_out_at is not None


class ContactSerializer(StrictModelSerializer):
    phone = serializers.SerializerMethodField()
    lids = serializers.SerializerMethodField()
    username = serializers.SerializerMethodField()
    user_ids = serializers.SerializerMethodField()
    labels = ContactLabelSerializer(source="active_labels", many=True, read_only=True)
    campaign = serializers.PrimaryKeyRelatedField[Campaign](read_only=True, allow_null=True)
    campaign_name = serializers.SerializerMethodField()
    assigned_to = VisibleField(queryset=Agent.objects.all(), allow_null=True, required=False)
    assigned_to_name = serializers.SerializerMethodField()
    opted_out = OptedOutField(required=False)

    class Meta:
        model = Contact
        fields = (
            "id", "phone", "lids", "name", "labels", "campaign", "campaign_name", "opted_out", "assigned_to",
            "assigned_to_name", "follow_up_at", "first_seen_at", "first_inbound_at", "last_inbound_at",
            "last_outbound_at", "created_at", "updated_at", "username", "user_ids",
        )  # fmt: skip
        read_only_fields = (
            "first_seen_at", "first_inbound_at", "last_inbound_at", "last_outbound_at", "created_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "nullable": True, "example": "+6281234567890"})
    def get_phone(self, contact: Any) -> str | None:
        return contact.phone or None

    def get_lids(self, contact: Any) -> list[str]:
        return [str(one) for one in contact.other_identities if one.kind == IdentityKind.LID]

    @extend_schema_field({"type": "string", "nullable": True, "example": "budi.kopi"})
    def get_username(self, contact: Any) -> str | None:
        return contact.username or None

    def get_user_ids(self, contact: Any) -> list[str]:
        return [str(one) for one in contact.other_identities if one.kind != IdentityKind.LID]

    def get_campaign_name(self, contact: Any) -> str | None:
        return contact.campaign.name if contact.campaign is not None else None

    def get_assigned_to_name(self, contact: Any) -> str | None:
        return contact.assigned_to.name if contact.assigned_to is not None else None


class SuggestedLabelSerializer(serializers.Serializer[Any]):
    """A label that a chat asks for; nothing has set it. `kind` "new_order": they bought before, and ask again."""

    label = serializers.IntegerField(source="label.pk")  # type: ignore[assignment]
    label_name = serializers.CharField(source="label.name")
    kind = serializers.ChoiceField(choices=[SET_LABEL, NEW_ORDER], source="hint.kind")
    sure = serializers.ChoiceField(choices=[CERTAIN, LIKELY], source="hint.sure")
    found_by = serializers.ChoiceField(choices=[BY_WORDS, BY_MODEL], source="hint.by")
    message = serializers.IntegerField(source="hint.message.id")
    message_at = serializers.DateTimeField(source="at")
    words = serializers.ListField(child=serializers.CharField(), source="hint.quotes")
    reason = serializers.CharField()


class ContactSuggestionSerializer(serializers.Serializer[Any]):
    suggestion = SuggestedLabelSerializer(allow_null=True)


class ContactViewSet(EditViewSet):
    """People, with the labels they have now. The id of a merged contact answers with the one that survived."""

    queryset = Contact.objects.none()
    serializer_class = ContactSerializer
    filterset_class = ContactFilterSet
    person = "pk"
    http_method_names = ["get", "head", "patch"]
    writes = Writes(update=edit_contact)
    cursor_fields = ("updated_at", "id")

    def rows(self) -> Any:
        active = LabelAssignment.objects.visible_to(self.viewer).active()
        others = ContactIdentity.objects.exclude(kind=IdentityKind.PHONE).order_by("id")
        return (
            Contact.objects.filter(merged_into__isnull=True)
            .select_related("campaign", "assigned_to")
            .prefetch_related(
                Prefetch("identities", queryset=others, to_attr="other_identities"),
                Prefetch(
                    "assignments",
                    queryset=active.select_related("label__category", "channel").order_by("added_at", "id"),
                    to_attr="active_labels",
                ),
            )
        )

    @extend_schema(responses=ContactSuggestionSerializer, filters=False)
    @action(detail=True, methods=["get"])
    def suggestion(self, request: Request, pk: str) -> Response:
        """The label that the contact's chat asks for, by which words of which message; null for none."""
        contact = self.get_object()
        self._count_people([contact])
        found = suggestions_for([contact.pk], self.viewer).get(contact.pk)
        return Response(ContactSuggestionSerializer({"suggestion": found}).data)

    def get_object(self) -> Any:
        self.kwargs["pk"] = surviving_id(row_id(self.kwargs["pk"]) or 0)
        return super().get_object()

    def keyset(self, request: Any) -> tuple[str, ...]:
        """Whoever asks for changes walks by time of change, so that a row changed meanwhile comes again."""
        return ("updated_at", "id") if "updated_since" in request.query_params else ("id",)
