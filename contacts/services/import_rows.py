"""What rows of a file say of contacts is compared and written by the database, set-wise.

The rows stand in a temporary table beside what their contacts are now; a handful of statements write from it, however
many rows there are. The table goes with the transaction: whoever writes has the rows still, and a step that was
rolled back begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from contacts.models import Contact
from contacts.services.attribution import MANUAL
from contacts.services.opt_out import hold_files
from contacts.services.opt_out_notices import tell_owners
from labelcrm.core import audit
from labelcrm.core.bulk import execute, fetch, transpose

ORIGIN = "import"
CONFLICT, ARCHIVED = "conflict", "archived"  # why a row was not written


class SaidRow(NamedTuple):
    """What a row says of a contact, who is held or was made by the caller; None is not said, and so is False.

    `number` is the row's, `name` checked, `agent` and `campaign` are ids. `is_new`: the contact has an identity and no
    row yet, and gets one with this `phone`.
    """

    number: int
    contact: int
    is_new: bool
    phone: str
    name: str | None
    agent: int | None
    campaign: int | None
    follow_up_at: datetime | None
    opted_out: bool
    note: str


class WrittenRow(NamedTuple):
    """What became of a row: `refused` is a code, "" if it was written; `note` the id of the note that was.

    `changes` holds the columns that changed, each as it was and as it is now, as JSON: `{"name": ["", "Budi"]}`.
    """

    number: int
    contact: int
    refused: str
    changes: str
    note: int | None


def write_rows(rows: Iterable[SaidRow], *, actor: Any) -> list[WrittenRow]:
    """Write what rows about different contacts say, with its audit rows; nothing is written where nothing differs.

    The contacts are locked in the order of the rows.
    """
    values = {"now": timezone.now(), "actor": getattr(actor, "pk", None), "origin": ORIGIN, "manual": MANUAL}
    execute(_COMPARE, values | dict(zip(SaidRow._fields, transpose(list(rows), len(SaidRow._fields)), strict=True)))
    written = [WrittenRow(*row) for row in fetch(_OUTCOME, values)]
    if any(row.refused for row in written):
        execute("DELETE FROM import_row WHERE refused <> ''", values)
    for statement in (_CREATE, _FORGET_TOUCHES, _TOUCH, _NOTE, _CHANGE):
        execute(statement, values)
    if out := fetch(_OPT_OUT, values):
        hold_files()
        tell_owners([contact for (contact,) in out], actor=actor)
    audit.record_found(_TOLD, values, model=Contact, actor=actor)
    execute("DROP TABLE import_row", values)
    return written


# Each column of a contact as it was (old_) and as it will be. Contacts are looked up and locked one after the other, as
# the rows come. A name that is written here comes from a person; whoever opted out before did so then.
_COMPARE = """
CREATE TEMP TABLE import_row ON COMMIT DROP AS
SELECT *, (name, agent, follow_up_at, opted_out_at)
          IS DISTINCT FROM (old_name, old_agent, old_follow_up_at, old_opted_out_at) AS is_edited,
       campaign IS DISTINCT FROM old_campaign AS is_moved
  FROM (
    SELECT number, contact, is_new, phone, note, refused,
           old_name, CASE WHEN renamed THEN said_name ELSE old_name END AS name,
           old_name_source,
           CASE WHEN renamed THEN CASE said_name WHEN '' THEN '' ELSE 'person' END ELSE old_name_source END
               AS name_source,
           old_name_at,
           CASE WHEN renamed THEN CASE said_name WHEN '' THEN NULL ELSE %(now)s END ELSE old_name_at END AS name_at,
           old_agent, coalesce(said_agent, old_agent) AS agent,
           old_follow_up_at, coalesce(said_follow_up_at, old_follow_up_at) AS follow_up_at,
           old_opted_out_at, CASE WHEN opts_out THEN coalesce(old_opted_out_at, %(now)s) ELSE old_opted_out_at END
               AS opted_out_at,
           old_campaign, coalesce(said_campaign, old_campaign) AS campaign,
           CASE WHEN note <> '' THEN nextval((SELECT pg_get_serial_sequence('contacts_note', 'id')::regclass)) END
               AS note_id
      FROM (
        SELECT said.*, said_name <> coalesce(c.name, '') AS renamed,
               CASE WHEN is_new THEN '' WHEN c.id IS NULL THEN 'conflict' WHEN c.deleted_at IS NULL THEN ''
                    ELSE 'archived' END AS refused,
               coalesce(c.name, '') AS old_name, coalesce(c.name_source, '') AS old_name_source,
               c.name_at AS old_name_at, c.assigned_to_id AS old_agent, c.follow_up_at AS old_follow_up_at,
               c.opted_out_at AS old_opted_out_at, c.campaign_id AS old_campaign
          FROM unnest(%(number)s::int[], %(contact)s::bigint[], %(is_new)s::boolean[], %(phone)s::text[],
                      %(name)s::text[], %(agent)s::bigint[], %(campaign)s::bigint[], %(follow_up_at)s::timestamptz[],
                      %(opted_out)s::boolean[], %(note)s::text[])
               AS said (number, contact, is_new, phone, said_name, said_agent, said_campaign, said_follow_up_at,
                        opts_out, note)
          LEFT JOIN LATERAL (
                SELECT * FROM contacts_contact WHERE id = said.contact AND NOT is_new FOR NO KEY UPDATE
               ) AS c ON true
      ) AS beside
  ) AS compared
"""
# JSON is put together as text, here and below, which takes half as long as jsonb does.
_OUTCOME = """
SELECT number, contact, refused, '{' || concat_ws(', ',
           CASE WHEN name <> old_name THEN '"name": ' || json_build_array(old_name, name) END,
           CASE WHEN name_source <> old_name_source
                THEN '"name_source": ' || json_build_array(old_name_source, name_source) END,
           CASE WHEN name_at IS DISTINCT FROM old_name_at
                THEN '"name_at": ' || json_build_array(old_name_at, name_at) END,
           CASE WHEN agent IS DISTINCT FROM old_agent
                THEN '"assigned_to_id": ' || json_build_array(old_agent, agent) END,
           CASE WHEN follow_up_at IS DISTINCT FROM old_follow_up_at
                THEN '"follow_up_at": ' || json_build_array(old_follow_up_at, follow_up_at) END,
           CASE WHEN opted_out_at IS DISTINCT FROM old_opted_out_at
                THEN '"opted_out_at": ' || json_build_array(old_opted_out_at, opted_out_at) END,
           CASE WHEN is_moved THEN '"campaign_id": ' || json_build_array(old_campaign, campaign) END
       ) || '}', note_id
  FROM import_row
"""

# Whoever is new is written once, with all that is said of them.
_CREATE = """
INSERT INTO contacts_contact (id, phone, lid, name, name_source, name_at, assigned_to_id, follow_up_at, opted_out_at,
                              campaign_id, first_seen_at, created_at, updated_at)
SELECT contact, phone, '', name, name_source, name_at, agent, follow_up_at, opted_out_at, campaign, %(now)s, %(now)s,
       %(now)s
  FROM import_row WHERE is_new
"""
_CHANGE = """
UPDATE contacts_contact c
   SET name = r.name, name_source = r.name_source, name_at = r.name_at, assigned_to_id = r.agent,
       follow_up_at = r.follow_up_at, opted_out_at = r.opted_out_at, campaign_id = r.campaign, updated_at = %(now)s
  FROM import_row r WHERE c.id = r.contact AND NOT r.is_new AND (r.is_edited OR r.is_moved)
"""
# What a file says goes before what messages show, and before what was said by hand.
_FORGET_TOUCHES = """
DELETE FROM contacts_campaigntouch t USING import_row r
 WHERE t.contact_id = r.contact AND t.method = %(manual)s AND r.is_moved AND NOT r.is_new
"""
_TOUCH = """
INSERT INTO contacts_campaigntouch (contact_id, campaign_id, at, method, evidence)
SELECT contact, campaign, %(now)s, %(manual)s, '{}' FROM import_row WHERE is_moved
"""
_NOTE = """
INSERT INTO contacts_note (id, contact_id, author_id, text, created_at)
SELECT note_id, contact, %(actor)s, note, %(now)s FROM import_row WHERE note <> ''
"""
_OPT_OUT = """
INSERT INTO contacts_consent (contact_id, given, at, source, recorded_by_id)
SELECT contact, false, opted_out_at, %(origin)s, %(actor)s
  FROM import_row WHERE opted_out_at IS DISTINCT FROM old_opted_out_at
RETURNING contact_id
"""
# The audit rows, as `contacts.services.contacts` and `labelcrm.core.edits` write them for one contact.
_TOLD = """
SELECT 'contact.created', contact, ('{"origin": "' || %(origin)s || '"}')::jsonb FROM import_row WHERE is_new
UNION ALL
SELECT 'contact.changed', contact, ('{"origin": "' || %(origin)s || '", "changes": {' || concat_ws(', ',
           CASE WHEN agent IS DISTINCT FROM old_agent
                THEN '"assigned_to": ' || json_build_array(old_agent, agent) END,
           CASE WHEN follow_up_at IS DISTINCT FROM old_follow_up_at
                THEN '"follow_up_at": ' || json_build_array(old_follow_up_at, follow_up_at) END,
           CASE WHEN opted_out_at IS DISTINCT FROM old_opted_out_at
                THEN '"opted_out_at": ' || json_build_array(old_opted_out_at, opted_out_at) END
       ) || '}, "private": [' || concat_ws(', ',
           CASE WHEN name <> old_name THEN '"name"' END,
           CASE WHEN name_at IS DISTINCT FROM old_name_at THEN '"name_at"' END,
           CASE WHEN name_source <> old_name_source THEN '"name_source"' END,
           '"updated_at"') || ']}')::jsonb
  FROM import_row WHERE is_edited
UNION ALL
SELECT 'contact.campaign', contact,
       jsonb_build_object('origin', %(origin)s, 'campaign', campaign, 'before', old_campaign)
  FROM import_row WHERE is_moved
UNION ALL
SELECT 'contact.note_added', contact, jsonb_build_object('origin', %(origin)s, 'note', note_id)
  FROM import_row WHERE note <> ''
"""
