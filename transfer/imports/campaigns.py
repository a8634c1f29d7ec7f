"""Campaigns from a file, known by their code. Written by services."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from import_export import resources
from import_export.results import InvalidRow, RowResult

from contacts.models import Campaign
from contacts.services import campaigns
from contacts.services.import_rows import ORIGIN
from labelcrm.lib.cells import restored
from labelcrm.lib.text import legible, trimmed
from transfer.exports import CAMPAIGN_COLUMNS
from transfer.imports import readers
from transfer.imports.files import ImportBatch, Shown, Written, line_of
from transfer.imports.headings import ROW_NUMBER

_READERS: dict[str, readers.Reader] = {"cost": readers.rupiah, "starts_on": readers.day, "ends_on": readers.day}


class CampaignResource(resources.ModelResource):
    """Campaigns in and out, known by their code. Written by services, which say `changes`, or only looked at."""

    class Meta:
        model = Campaign
        fields = CAMPAIGN_COLUMNS
        export_order = fields
        import_id_fields = ("code",)
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True

    def __init__(self, *, user: Any = None, batch: ImportBatch | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self.changes: list[str] = []
        self.shown: list[Shown] = []

    @classmethod
    def get_display_name(cls) -> str:
        return str(Campaign._meta.verbose_name_plural)

    def get_queryset(self) -> Any:
        return Campaign.objects.all()

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        """Cells are given back what they were before cleaning; an empty one changes nothing."""
        wrong: dict[str, list[str]] = {}
        for column in self.Meta.fields:
            cell = str(row.pop(column, ""))
            if readers.is_empty(cell):
                continue
            try:
                row[column] = _READERS.get(column, str)(trimmed(restored(cell)))
            except ValueError as error:
                wrong[column] = [str(error)]
        self._once(row, wrong)
        if wrong:
            raise ValidationError(wrong)

    def _once(self, row: Mapping[str, Any], wrong: dict[str, list[str]]) -> None:
        """Of two rows about one campaign the later is wrong."""
        code = legible(str(row.get("code", "")))
        if not code:
            wrong.setdefault("code", [_("A campaign is known by its code: write one.")])
        elif self.batch is not None:
            first = self.batch.first_row.setdefault(code, str(row.get(ROW_NUMBER, "")))
            if first != str(row.get(ROW_NUMBER, "")):
                wrong["code"] = [_("The same campaign as in row %(row)s.") % {"row": first}]

    def save_instance(self, instance: Campaign, is_create: bool, row: Any, **kwargs: Any) -> None:
        assert self.batch is not None
        values = {name: getattr(instance, name) for name in self.Meta.fields}
        former = Campaign.objects.filter(pk=instance.pk).first() if not is_create else None
        if former is not None:
            campaigns.check_cost(former, instance.cost)
        before = {name: getattr(former, name, None) for name in values}
        changed = {name: (_text(before[name]), _text(new)) for name, new in values.items() if before[name] != new}
        self.shown.append(Shown(line_of(row), is_create, {"code": ("", instance.code), **changed}))
        if not self.batch.writes:
            return
        if is_create:
            made = campaigns.create_campaign(actor=self.batch.owner, origin=ORIGIN, **values)
        else:
            made = campaigns.update_campaign(instance, actor=self.batch.owner, origin=ORIGIN, **values)
        columns = {name: list(pair) for name, pair in changed.items()}
        change = {"line": line_of(row), "campaign": made.pk, "created": is_create, "columns": columns}
        self.changes.append(json.dumps(change))


def write_campaigns(rows: Sequence[Mapping[str, str]], batch: ImportBatch) -> Written:
    """Write rows of a file, or look at them; what is wrong with one keeps no other from being written."""
    table = tablib.Dataset(*[list(row.values()) for row in rows], headers=list(rows[0]))
    resource = CampaignResource(batch=batch)
    result = resource.import_data(table)
    for error in (*result.base_errors, *(error for _line, errors in result.row_errors() for error in errors)):
        raise error.error  # no row's fault, but ours or the database's
    return Written(
        created=result.totals[RowResult.IMPORT_TYPE_NEW],
        changed=result.totals[RowResult.IMPORT_TYPE_UPDATE],
        unchanged=result.totals[RowResult.IMPORT_TYPE_SKIP],
        problems={line_of(rows[row.number - 1], row.number): _problems(row) for row in result.invalid_rows},
        changes=resource.changes,
        shown=resource.shown[: batch.shown],
    )


def _problems(row: InvalidRow) -> dict[str, list[str]]:
    whole = row.non_field_specific_errors
    return row.field_specific_errors | ({"": whole} if whole else {})


def _text(value: Any) -> str:
    return "" if value is None else str(value)


# -- Taking it back ---------------------------------------------------------------------------------------------------


def take_back_campaigns(changes: Sequence[Mapping[str, Any]], batch: ImportBatch) -> dict[int, str]:
    """Give campaigns back what an import changed and nobody changed since; archive those that it made and nobody uses.

    Returns why not (a code of `contacts.services.taking_back`), by line of the file.
    """
    kept: dict[int, str] = {}
    with transaction.atomic():
        for change in changes:
            reason = campaigns.take_back_campaign(
                change["campaign"], created=change["created"], columns=change["columns"], actor=batch.owner
            )
            if reason:
                kept[change["line"]] = reason
    return kept
