"""Contacts and campaigns from a file, row by row: read, understood, previewed, and only then written by services.

`files` are the formats, `headings` what people call the columns, `cells` what they write into them, `contacts` and
`campaigns` what a row means.
"""

from __future__ import annotations

from contacts.importing.campaigns import CampaignResource as CampaignResource
from contacts.importing.contacts import SHOWN_ROWS as SHOWN_ROWS
from contacts.importing.contacts import ContactResource as ContactResource
from contacts.importing.files import CSV as CSV
from contacts.importing.files import EXPORT_FORMATS as EXPORT_FORMATS
from contacts.importing.files import FORMATS as FORMATS
from contacts.importing.files import REFUSALS as REFUSALS
from contacts.importing.files import XLSX as XLSX
from contacts.importing.files import refusal as refusal
