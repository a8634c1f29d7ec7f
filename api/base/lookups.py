"""What query parameters name: a contact by id, phone or LID, a channel by its key, a label by id or spelling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter

from api.base.filtering import IdFilter, LidFilter, PhoneFilter, StrictFilterSet, unknown_value
from contacts.models import Channel, Contact, ContactIdentity, IdentityKind
from labelcrm.core.viewer import Viewer
from labelcrm.lib.numbers import row_id
from labelcrm.lib.phones import same_number
from labels.models import Label, LabelAlias
from labels.rules.naming import normalize
from labels.selectors.label_merges import surviving_label

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


def visible_channel_ids(viewer: Viewer, key: str) -> list[int]:
    """Ids of the channels with this key that the viewer sees, archived ones too. Raises when there is none."""
    ids = list(Channel.all_objects.visible_to(viewer).filter(key=key).values_list("id", flat=True))
    if not ids:
        raise unknown_value()
    return ids


def label_id(value: str) -> int:
    """The id of the label that `value` names by id, name or any spelling of it. Raises when there is none.

    The id of a merged label stands for the one that survived, as that of a merged contact does.
    """
    pk = row_id(value)
    found = Label.all_objects.filter(pk=pk).values_list("id", flat=True).first() if pk is not None else None
    if found is None:
        spelled = LabelAlias.objects.filter(normalized=normalize(value)).values_list("label_id", flat=True)
        found = spelled.first() or Label.objects.filter(name=value).values_list("id", flat=True).first()
    if found is None:
        raise unknown_value()
    return surviving_label(found)


class OfChannelFilterSet(StrictFilterSet):
    """Rows with a `channel`, asked for by its key."""

    channel = CharFilter(method="of_channel", label="The channel's key.")

    def of_channel(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(channel_id__in=visible_channel_ids(self.viewer, value))


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


class WithLabelFilterSet(OfChannelFilterSet):
    """Rows with a canonical `label`."""

    label = CharFilter(method="of_label", label="Id, name or a spelling of a canonical label.")

    def of_label(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(label_id=label_id(value))
