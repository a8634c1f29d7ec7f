"""Contacts and campaigns from a file, row by row: read, understood, previewed, and only then written by services.

`files` are the formats, `headings` what people call the columns, `cells` what they write into them, `contacts` and
`campaigns` what a row means.
"""

from __future__ import annotations

from transfer.imports.campaigns import CampaignResource as CampaignResource
from transfer.imports.contacts import SHOWN_ROWS as SHOWN_ROWS
from transfer.imports.contacts import ContactResource as ContactResource
from transfer.imports.files import CSV as CSV
from transfer.imports.files import EXPORT_FORMATS as EXPORT_FORMATS
from transfer.imports.files import FORMATS as FORMATS
from transfer.imports.files import REFUSALS as REFUSALS
from transfer.imports.files import XLSX as XLSX
from transfer.imports.files import refusal as refusal
