"""Changing what becomes a conversion, what it is worth, and the connection to Meta; each with its audit row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labelcrm.core import audit, edits
from labelcrm.core.outbound import is_allowed
from transfer.conversions.collecting import hold
from transfer.conversions.models import (
    TESTED,
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    ConversionValue,
    DeliveryState,
    MetaConnection,
    Target,
)

SETS_EVENTS = "contacts.change_campaign"
SETS_CONNECTION = "core.change_setting"
Values = Mapping[tuple[str, int], Decimal | None]


def change_event(
    event: ConversionEvent, *, actor: Any, origin: str, labels: Collection[int], values: Values, **fields: Any
) -> ConversionEvent:
    """Change an event with its chosen labels and values; `values` by ("label" or "campaign", id), None for no value.

    Raises ValidationError. Whoever calls it then has everybody looked at again (`conversion_jobs.look_again`).
    """
    with transaction.atomic():
        event = edits.change(event, actor=actor, origin=origin, **fields)
        before = set(event.labels.values_list("pk", flat=True))
        if before != set(labels):
            event.labels.set(labels)
            audit.record(
                actor=actor, action="conversionevent.labels", obj=event, labels=[sorted(before), sorted(labels)]
            )
        changed = {
            f"{kind} {pk}": str(value) for (kind, pk), value in values.items() if _set_value(event, kind, pk, value)
        }
        if changed:
            audit.record(actor=actor, action="conversionevent.values", obj=event, values=changed)
    return event


def _set_value(event: ConversionEvent, kind: str, pk: int, value: Decimal | None) -> bool:
    """Give a label's or a campaign's conversions their value; whether that is another one."""
    rows = ConversionValue.objects.filter(event=event, **{f"{kind}_id": pk})
    known = rows.first()
    if value is None:
        return bool(known and rows.delete()[0])
    if known is not None and known.value == value:
        return False
    row = known or ConversionValue(event=event, **{f"{kind}_id": pk})
    row.value = value
    row.full_clean()
    row.save()
    return True


def set_value_by_hand(conversion: Conversion, value: Decimal | None, *, actor: Any) -> None:
    """Give one conversion an amount that settings do not touch; None: what the settings say, from the next look on.

    Raises ValidationError once the conversion went anywhere: what was told is told.
    """
    with transaction.atomic():
        hold()
        row = edits.locked(conversion)
        if row.deliveries.exists():
            raise ValidationError(_("It is on its way or was told already: its value stays."), code="told")
        old, by_hand = row.value, value is not None
        row.value = value if by_hand else _by_settings(row)
        row.value_by_hand, row.updated_at = by_hand, timezone.now()
        row._meta.get_field("value").clean(row.value, row)
        row.save()
        audit.record(
            actor=actor, action="conversion.changed", obj=row, contact=row.contact_id,
            changes={"value": [_number(old), _number(row.value)]},
        )  # fmt: skip


def _by_settings(row: Conversion) -> Decimal | None:
    values = row.event.values.all()
    by_campaign = next(
        (each.value for each in values if each.campaign_id and each.campaign_id == row.campaign_id), None
    )
    by_label = next((each.value for each in values if each.label_id == row.label_id), None)
    return by_campaign if by_campaign is not None else by_label if by_label is not None else row.event.value


def _number(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


# -- Meta -------------------------------------------------------------------------------------------------------------


def connection() -> MetaConnection:
    """The connection as it is; one that is switched off where nobody set one up."""
    return MetaConnection.objects.first() or MetaConnection(pk=1)


def change_connection(*, actor: Any, access_token: str, **fields: Any) -> MetaConnection:
    """Set the connection up, switch it on or off; an empty token keeps the one there is.

    What had stopped it is forgotten. Raises ValidationError for one that is on and lacks something, or whose address
    may not be called.
    """
    with transaction.atomic():
        row = MetaConnection.objects.select_for_update().first() or MetaConnection(pk=1)
        was_on = row.enabled
        changed = sorted(name for name, value in fields.items() if getattr(row, name) != value)
        for name, value in fields.items():
            setattr(row, name, value)
        if access_token:
            row.access_token = access_token
            changed.append("access_token")
        if not changed and not row.stopped:
            return row
        _check(row)
        row.stopped = row.told = ""
        if row.enabled and not was_on:
            row.enabled_at = timezone.now()
        row.full_clean()
        row.save()
        if "test_event_code" in changed:  # what was tried with the old one has still to be told
            ConversionDelivery.objects.filter(target=Target.META_API, error=TESTED).delete()
        audit.record(actor=actor, action="metaconnection.changed", obj=row, fields=changed, enabled=row.enabled)
    return row


def _check(row: MetaConnection) -> None:
    if not row.enabled:
        return
    missing = {
        name: ValidationError(_("Meta needs this before anything can be sent."), code="required")
        for name in ("dataset_id", "access_token")
        if not getattr(row, name)
    }
    if not (row.business_account_id or row.page_id):
        missing["business_account_id"] = ValidationError(_("Enter this id, or that of the page."), code="required")
    if missing:
        raise ValidationError(missing)
    if not is_allowed(row.address):
        sentence = _("Calls may not go there: whoever runs the server adds the host to GATEWAY_HOSTS and restarts.")
        raise ValidationError({"address": ValidationError(sentence, code="host_not_allowed")})


def send_failed_again(*, actor: Any) -> int:
    """Put everything that Meta refused, or that was tried in vain, into the outbox again; how many."""
    with transaction.atomic():
        failed = ConversionDelivery.objects.filter(target=Target.META_API, state=DeliveryState.FAILED)
        again = failed.update(
            state=DeliveryState.WAITING, tries=0, not_before=None, leased_until=None, done_at=None, error="", told=""
        )
        if again:
            audit.record(actor=actor, action="conversions.retried", rows=again)
    return again
