-- {people} contacts for the daily jobs: one to three labels on each, of the standard ones, on forty numbers of four teams,
-- since up to ninety days. Only what the jobs read is written. Without foreign key checks; numbers follow from `n`.

SET LOCAL session_replication_role = replica;

CREATE FUNCTION pg_temp.die(n bigint, which bigint, sides int) RETURNS int LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(n, which) & 2147483647) % sides)::int;

INSERT INTO contacts_team (name, created_at) SELECT 'Tim ' || g, now() FROM generate_series(1, 4) g;
INSERT INTO contacts_agent (code, name, created_at, team_id)
SELECT 'cs' || g, 'CS ' || g, now(), (SELECT min(id) FROM contacts_team) + g % 4 FROM generate_series(1, 40) g;
INSERT INTO contacts_channel (key, gateway, name, session, used_by_one, timezone, base_url, api_key, verify_token,
       own_phone, own_lid, status, connected_at, updated_at, team_id)
SELECT 'nomor' || g, 'generic', 'Nomor ' || g, 'nomor' || g, true, '', '', '', '', '', '', 'working',
       now() - interval '730 days', now(), (SELECT min(id) FROM contacts_team) + g % 4
  FROM generate_series(1, 40) g;
INSERT INTO contacts_channelownership (channel_id, agent_id, since, until, weekdays)
SELECT c.id, (SELECT min(id) FROM contacts_agent) + row_number() OVER (ORDER BY c.id) - 1, NULL, NULL, '[]'
  FROM contacts_channel c WHERE c.key LIKE 'nomor%';

CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT n, nextval(pg_get_serial_sequence('contacts_contact', 'id')) AS id, now() - interval '90 days' AS at
  FROM generate_series(1, {people}) n;
INSERT INTO contacts_contact (id, name, name_source, phone, lid, first_seen_at, last_inbound_at, created_at, updated_at)
SELECT id, 'Kontak ' || n, 'whatsapp', '+62' || (81100000000 + n * 7), '', at, at, at, at FROM people ORDER BY n;
INSERT INTO labels_cleanspell (contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync,
       method, reach)
SELECT p.id, kinds.ids[1 + (pg_temp.die(n, 20, 1000) + 5 * k) % array_length(kinds.ids, 1)],
       numbers.ids[1 + pg_temp.die(n, 1, 40)],
       now() - interval '90 days' * (pg_temp.die(n, 30 + k, 1000) / 1000.0),
       CASE WHEN pg_temp.die(n, 40 + k, 3) > 0 THEN now() - interval '1 minute' END, false, false, false, 'unknown', 1
  FROM people p CROSS JOIN generate_series(0, 2) k
  CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM labels_label WHERE deleted_at IS NULL) AS kinds
  CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM contacts_channel WHERE key LIKE 'nomor%') AS numbers
 ORDER BY n, k;
