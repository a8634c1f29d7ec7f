"""What query parameters name: a contact by id, phone or LID, a channel by its key, a label by id or spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import CharFilter

from api.base.filtering import (
    ArchivableFilterSet,
    IdFilter,
    LidFilter,
    MomentFilter,
    PhoneFilter,
    StrictFilterSet,
    UserIdFilter,
    UsernameFilter,
    WordFilter,
    unknown_value,
)
from contacts.models import Campaign, Channel, Contact, ContactIdentity, IdentityKind, Team
from contacts.models.channels import CRM_GATEWAY
from contacts.selectors.hidden_numbers import named_exactly, username_like
from labelcrm.lib import phones
from labelcrm.lib.numbers import row_id
from labelcrm.lib.phones import same_number
from labelcrm.lib.text import legible
from labels.models import Label, LabelAlias, LabelAssignment
from labels.rules.naming import normalize
from webhooks.gateways import GATEWAYS

MERGE_CHAIN = 50  # merges of merged contacts are followed this far


def surviving_id(contact_id: int) -> int:
    """The id of the contact that `contact_id` has been merged into, else `contact_id` itself."""
    merged = Contact.all_objects.filter(merged_into__isnull=False)
    for _step in range(MERGE_CHAIN):
        survivor = merged.filter(pk=contact_id).values_list("merged_into_id", flat=True).first()
        if survivor is None:
            break
        contact_id = survivor
    return contact_id


def contact_of(kind: str, value: str) -> int | None:
    """The id of the contact with this identity (E.164 phone or digits of a LID), None when nobody has it.

    A phone is found in every form of it; whoever has the very form comes first.
    """
    forms = same_number(value) if kind == IdentityKind.PHONE else (value,)
    owners = dict(ContactIdentity.objects.filter(kind=kind, value__in=forms).values_list("value", "contact_id"))
    owner = next((owners[form] for form in forms if form in owners), None)
    return None if owner is None else surviving_id(owner)


def contact_addressed(address: str) -> int | None:
    """The id of the contact with this E.164 phone or `<digits>@lid`, None when nobody has it."""
    lid = address.removesuffix("@lid")
    return contact_of(IdentityKind.PHONE, address) if lid == address else contact_of(IdentityKind.LID, lid)


def contacts_addressed(addresses: Iterable[str]) -> list[int]:
    """The ids of the contacts with one of these addresses."""
    return sorted({pk for pk in map(contact_addressed, addresses) if pk is not None})


def visible_channel_ids(user: Any, key: str) -> list[int]:
    """Ids of the channels with this key that the user sees, archived ones too. Raises when there is none."""
    ids = list(Channel.all_objects.visible_to(user).filter(key=key).values_list("id", flat=True))
    if not ids:
        raise unknown_value()
    return ids


def label_id(value: str) -> int:
    """The id of the label that `value` names by id, name or any spelling of it. Raises when there is none."""
    pk = row_id(value)
    found = Label.all_objects.filter(pk=pk).values_list("id", flat=True).first() if pk is not None else None
    if found is None:
        spelled = LabelAlias.objects.filter(normalized=normalize(value)).values_list("label_id", flat=True)
        found = spelled.first() or Label.objects.filter(name=value).values_list("id", flat=True).first()
    if found is None:
        raise unknown_value()
    return found


def phone_like(text: str) -> Q:
    """Whose phone has the digits that `text` writes, or is a number that `text` may mean; nobody's for words."""
    found = Q(phone__in=phones.lookups(text, region=settings.PHONE_REGION))
    seen = legible(text)
    digits = re.sub("[^0-9]", "", seen).lstrip("0")
    if digits and not any(char.isalpha() for char in seen):
        found |= Q(phone__contains=digits)  # 0812… as it is said is +62812… as it is kept
        found |= Q(phone__in=same_number(f"+{digits}")[1:])
    return found


class OfChannelFilterSet(StrictFilterSet):
    """Rows with a `channel`, asked for by its key."""

    channel = CharFilter(method="of_channel", label="The channel's key.")

    def of_channel(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(channel_id__in=visible_channel_ids(self.user, value))


class OfContactFilterSet(OfChannelFilterSet):
    """Rows with a `contact` and a `channel`. The id of a merged contact stands for the one that survived."""

    contact = IdFilter(method="of_contact")
    phone = PhoneFilter(method="of_phone")
    lid = LidFilter(method="of_lid")

    def of_contact(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        return queryset.filter(contact_id=surviving_id(value))

    def of_phone(self, queryset: QuerySet[Any], name: str, value: tuple[str, ...]) -> QuerySet[Any]:
        return queryset.filter(contact_id__in=contacts_addressed(value))

    def of_lid(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return self._of(queryset, contact_of(IdentityKind.LID, value))

    def _of(self, queryset: QuerySet[Any], contact_id: int | None) -> QuerySet[Any]:
        return queryset.none() if contact_id is None else queryset.filter(contact_id=contact_id)


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
        active = LabelAssignment.objects.visible_to(self.user).active()
        return queryset.filter(Exists(active.filter(label_id=label_id(value), contact=OuterRef("pk"))))

    def of_campaign(self, queryset: Any, name: str, value: str) -> Any:
        pk = row_id(value)
        campaigns = Campaign.all_objects.visible_to(self.user).filter(Q(code=value) | Q(pk=pk) if pk else Q(code=value))
        ids = list(campaigns.values_list("id", flat=True))
        if not ids:
            raise unknown_value()
        return queryset.filter(campaign_id__in=[pk] if pk in ids else ids)

    def search(self, queryset: Any, name: str, value: str) -> Any:
        found = Q(name__icontains=value) | phone_like(value)
        return queryset.filter(found | username_like(value) | named_exactly(value))

    def _only(self, queryset: Any, pk: int | None) -> Any:
        return queryset.none() if pk is None else queryset.filter(pk=pk)


class MessageFilterSet(OfContactFilterSet):
    since = MomentFilter(field_name="at", lookup_expr="gte")


class ChannelFilterSet(ArchivableFilterSet):
    gateway = WordFilter(choices=[(name, name) for name in (*GATEWAYS, CRM_GATEWAY)])
    status = WordFilter(choices=Channel.Status.choices)


class TeamFilterSet(ArchivableFilterSet):
    pass


class AgentFilterSet(ArchivableFilterSet):
    team = IdFilter(method="of_team")

    def of_team(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        if not Team.all_objects.visible_to(self.user).filter(pk=value).exists():
            raise unknown_value()
        return queryset.filter(team_id=value)


class CampaignFilterSet(ArchivableFilterSet):
    code = CharFilter()
