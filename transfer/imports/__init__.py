"""Contacts, campaigns and meanings of labels from a file, row by row: read, understood, then written by services.

`files` are the formats, `headings` what people call the columns, `readers` what they write into cells, `label_names`
which label they mean, `people` whom, and `contacts`, `campaigns` and `label_mapping` what a row says.
"""

from __future__ import annotations

from transfer.imports.campaigns import CampaignResource as CampaignResource
from transfer.imports.contacts import ContactResource as ContactResource
from transfer.imports.files import CSV as CSV
from transfer.imports.files import EXPORT_FORMATS as EXPORT_FORMATS
from transfer.imports.files import REFUSALS as REFUSALS
from transfer.imports.files import XLSX as XLSX
from transfer.imports.files import refusal as refusal
