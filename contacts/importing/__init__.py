"""Contacts and campaigns from a file, row by row: read, understood, previewed, and only then written by services.

`files` are the formats, `headings` what people call the columns, `cells` what they write into them, `contacts` and
`campaigns` what a row means.
"""

from __future__ import annotations

from .campaigns import CampaignResource as CampaignResource
from .contacts import SHOWN_ROWS as SHOWN_ROWS
from .contacts import ContactResource as ContactResource
from .files import CSV as CSV
from .files import EXPORT_FORMATS as EXPORT_FORMATS
from .files import FORMATS as FORMATS
from .files import REFUSALS as REFUSALS
from .files import XLSX as XLSX
from .files import refusal as refusal
