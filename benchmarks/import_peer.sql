-- What an import of contacts writes, in one go from a staging table: no row is looked at by anything but the database.
BEGIN;
CREATE TEMP TABLE staged (phone text, name text, campaign text) ON COMMIT DROP;
\copy staged FROM '{path}' (FORMAT csv, HEADER)
ANALYZE staged;

CREATE TEMP TABLE meant ON COMMIT DROP AS
SELECT coalesce(i.contact_id, nextval(pg_get_serial_sequence('contacts_contact', 'id'))) AS id, i.contact_id IS NULL AS is_new,
       s.phone, s.name, g.id AS campaign_id
  FROM staged s
  JOIN contacts_campaign g ON g.code = s.campaign
  LEFT JOIN contacts_contactidentity i ON i.kind = 'phone' AND i.value = s.phone;
CREATE UNIQUE INDEX ON meant (id);
ANALYZE meant;

INSERT INTO contacts_contact (id, name, name_source, name_at, phone, lid, username, first_seen_at, campaign_id, created_at, updated_at)
SELECT id, name, 'person', now(), phone, '', '', now(), campaign_id, now(), now() FROM meant WHERE is_new;
INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at)
SELECT id, 'phone', phone, now() FROM meant WHERE is_new;
INSERT INTO core_auditentry (at, actor_id, action, object_type, object_id, object_name, details)
SELECT now(), {actor}, 'contact.created', 'contacts.contact', id, '', '{{"origin": "import"}}' FROM meant WHERE is_new;

INSERT INTO core_auditentry (at, actor_id, action, object_type, object_id, object_name, details)
SELECT now(), {actor}, 'contact.changed', 'contacts.contact', m.id, '',
       '{{"origin": "import", "changes": {{}}, "private": ["name"]}}'
  FROM meant m JOIN contacts_contact c ON c.id = m.id WHERE m.is_new OR c.name <> m.name;
INSERT INTO core_auditentry (at, actor_id, action, object_type, object_id, object_name, details)
SELECT now(), {actor}, 'contact.campaign', 'contacts.contact', m.id, '',
       jsonb_build_object('origin', 'import', 'campaign', m.campaign_id, 'before', c.campaign_id)
  FROM meant m JOIN contacts_contact c ON c.id = m.id WHERE m.is_new OR c.campaign_id IS DISTINCT FROM m.campaign_id;
DELETE FROM contacts_campaigntouch t USING meant m
 WHERE t.contact_id = m.id AND t.method = 'manual' AND NOT m.is_new;
INSERT INTO contacts_campaigntouch (contact_id, campaign_id, at, method, evidence)
SELECT m.id, m.campaign_id, now(), 'manual', '{{}}'
  FROM meant m JOIN contacts_contact c ON c.id = m.id WHERE m.is_new OR c.campaign_id IS DISTINCT FROM m.campaign_id;
UPDATE contacts_contact c
   SET name = m.name, name_source = 'person', name_at = now(), campaign_id = m.campaign_id, updated_at = now()
  FROM meant m
 WHERE c.id = m.id AND NOT m.is_new AND (c.name, c.campaign_id) IS DISTINCT FROM (m.name, m.campaign_id);
-- An import commits, and then the database looks at every foreign key; these rows are rolled back, so it looks now.
SET CONSTRAINTS ALL IMMEDIATE;
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM meant;
ROLLBACK;
