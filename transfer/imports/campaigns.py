"""Campaigns from a file, known by their code. Written by services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from import_export import resources
from import_export.results import InvalidRow, Result

from contacts.models import Campaign
from contacts.services import campaigns
from contacts.services.importing import ORIGIN
from labelcrm.lib.cells import restored
from labelcrm.lib.text import trimmed
from transfer.exports import CAMPAIGN_COLUMNS
from transfer.imports import readers
from transfer.imports.files import FileResult, Written

_READERS: dict[str, readers.Reader] = {"cost": readers.rupiah, "starts_on": readers.day, "ends_on": readers.day}


class CampaignResource(resources.ModelResource):
    """Campaigns in and out, known by their code. Written by services."""

    class Meta:
        model = Campaign
        fields = CAMPAIGN_COLUMNS
        export_order = fields
        import_id_fields = ("code",)
        skip_unchanged = True
        report_skipped = False
        clean_model_instances = True

    def __init__(self, *, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user

    @classmethod
    def get_display_name(cls) -> str:
        return str(Campaign._meta.verbose_name_plural)

    def get_result_class(self) -> type[Result]:
        return FileResult

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
        if wrong:
            raise ValidationError(wrong)

    def save_instance(self, instance: Campaign, is_create: bool, row: Any, **kwargs: Any) -> None:
        if kwargs.get("dry_run"):
            return
        values = {name: getattr(instance, name) for name in self.Meta.fields}
        if is_create:
            campaigns.create_campaign(actor=self.user, origin=ORIGIN, **values)
        else:
            campaigns.update_campaign(instance, actor=self.user, origin=ORIGIN, **values)


def write_campaigns(rows: Sequence[Mapping[str, str]], user: Any, first_row: dict[str, str]) -> Written:
    """Write rows of a file; what is wrong with one keeps no other from being written.

    Nothing is asked of or told to `first_row`: of two rows with one code the later counts.
    """
    table = tablib.Dataset(*[list(row.values()) for row in rows], headers=list(rows[0]))
    result = CampaignResource(user=user).import_data(table)
    for error in (*result.base_errors, *(error for _line, errors in result.row_errors() for error in errors)):
        raise error.error  # no row's fault, but ours or the database's
    return Written(
        created=result.totals["new"],
        changed=result.totals["update"],
        unchanged=result.totals["skip"],
        problems={row.number: _problems(row) for row in result.invalid_rows},
    )


def _problems(row: InvalidRow) -> dict[str, list[str]]:
    whole = row.non_field_specific_errors
    return row.field_specific_errors | ({"": whole} if whole else {})
