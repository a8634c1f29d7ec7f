-- A large company for P7: a million contacts on forty numbers of four teams, about three million intervals in two
-- years, one contact with ten thousand messages. Set-wise and without foreign key checks; the numbers follow from `n`.

SET LOCAL session_replication_role = replica;

-- The same die falls the same way in every run, and no two dice know of each other.
CREATE FUNCTION pg_temp.die(n bigint, which bigint, sides int) RETURNS int LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(n, which) & 2147483647) % sides)::int;

INSERT INTO contacts_team (name, created_at) SELECT 'Tim ' || g, now() FROM generate_series(1, 4) g;
INSERT INTO contacts_agent (code, name, created_at, team_id)
SELECT 'cs' || g, 'CS ' || g, now(), (SELECT min(id) FROM contacts_team) + g % 4 FROM generate_series(1, 60) g;
INSERT INTO contacts_channel (key, gateway, name, session, used_by_one, timezone, base_url, api_key, verify_token,
       own_phone, own_lid, status, connected_at, updated_at, team_id)
SELECT 'nomor' || g, 'generic', 'Nomor ' || g, 'nomor' || g, false, '', '', '', '', '', '', 'working',
       now() - interval '730 days', now(), (SELECT min(id) FROM contacts_team) + g % 4
  FROM generate_series(1, 40) g;
INSERT INTO contacts_campaign (code, name, source, cost, starts_on, ends_on, created_at, updated_at)
SELECT 'k' || g, 'Kampanye ' || g, '', NULL, NULL, NULL, now(), now() FROM generate_series(1, 30) g;
INSERT INTO labels_channellabel (channel_id, external_id, generation, name, name_is_saved, is_placeholder, color,
       list_type, hidden, label_id, first_seen_at)
SELECT c.id, l.id::text, 1, l.name, true, false, 0, '', false, l.id, now() - interval '730 days'
  FROM contacts_channel c, labels_label l WHERE c.key LIKE 'nomor%' AND l.deleted_at IS NULL;

CREATE TEMP TABLE numbers ON COMMIT DROP AS SELECT array_agg(id ORDER BY id) AS ids FROM contacts_channel WHERE key LIKE 'nomor%';
CREATE TEMP TABLE kinds ON COMMIT DROP AS SELECT array_agg(id ORDER BY id) AS ids FROM labels_label WHERE deleted_at IS NULL;

-- Whoever wrote last was changed last, as in life.
CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT n, nextval(pg_get_serial_sequence('contacts_contact', 'id')) AS id,
       now() - interval '730 days' * (1 - n / 1000000.0) AS at, 1 + pg_temp.die(n, 1, 40) AS number
  FROM generate_series(1, 1000000) n;
INSERT INTO contacts_contact (id, name, name_source, phone, lid, first_seen_at, first_inbound_at, last_inbound_at,
       assigned_to_id, campaign_id, opted_out_at, created_at, updated_at)
SELECT id,
       (ARRAY['Siti','Budi','Agus','Dewi','Sri','Putri','Rina','Eko','Wahyu','Nur','Ahmad','Muhammad','Ayu','Dian',
              'Indra','Joko','Lestari','Maya','Rizky','Yuni'])[1 + pg_temp.die(n, 2, 20)] || ' '
       || (ARRAY['Santoso','Wijaya','Rahayu','Hidayat','Saputra','Kusuma','Pratama','Lestari','Utami','Nugroho',
                 'Setiawan','Handayani','Permata','Wulandari','Gunawan','Susanto','Hartono','Anggraini','Maulana',
                 'Firmansyah','Simanjuntak','Siregar','Nasution'])[1 + pg_temp.die(n, 3, 23)]
       || CASE WHEN n % 5 = 0 THEN ' ' || chr(65 + pg_temp.die(n, 4, 26)) ELSE '' END,
       'whatsapp', '+62' || (81100000000 + n * 7), '', at, at, at + interval '3 days',
       CASE WHEN pg_temp.die(n, 5, 3) = 0 THEN (SELECT min(id) FROM contacts_agent) + pg_temp.die(n, 6, 60) END,
       CASE WHEN pg_temp.die(n, 7, 4) = 0 THEN (SELECT min(id) FROM contacts_campaign) + pg_temp.die(n, 8, 30) END,
       CASE WHEN pg_temp.die(n, 9, 50) = 0 THEN at END, at, at
  FROM people ORDER BY n;
INSERT INTO contacts_contactidentity (contact_id, kind, value, created_at)
SELECT id, 'phone', '+62' || (81100000000 + n * 7), at FROM people ORDER BY n;
INSERT INTO contacts_contactchannel (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at)
SELECT id, ids[number], at, at, at + interval '3 days' FROM people, numbers ORDER BY n;
INSERT INTO contacts_contactchannel (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at)
SELECT id, ids[1 + (number + 5) % 40], at, at, at FROM people, numbers WHERE pg_temp.die(n, 10, 10) = 0 ORDER BY n;

-- One in ten has never been labelled. Of the others' labels one in four is on; the last kind is a rare one.
CREATE TEMP TABLE worn ON COMMIT DROP AS
SELECT id AS contact_id, labelled.ids[number] AS channel_id, number,
       CASE WHEN n % 100000 = 1 AND k = 0 THEN array_length(kinds.ids, 1)
            ELSE 1 + (pg_temp.die(n, 20, 1000) + 3 * k) % (array_length(kinds.ids, 1) - 1) END AS kind,
       at + interval '1 hour' + k * interval '2 days' AS since,
       CASE WHEN pg_temp.die(n, 30 + k, 4) > 0 THEN at + interval '25 hours' + k * interval '2 days' END AS until
  FROM (SELECT people.*, numbers.ids FROM people, numbers WHERE pg_temp.die(n, 11, 10) > 0) AS labelled, generate_series(0, 2) k, kinds;
INSERT INTO labels_labelassignment (contact_id, channel_id, channel_label_id, label_id, channel_label_name, added_at,
       added_at_source, added_by_id, added_by_method, origin, removed_at, removed_by_id, removed_by_method,
       removed_origin, removed_reason, updated_at)
SELECT contact_id, w.channel_id, c.id, c.label_id, c.name, since, 'gateway', agent, 'channel_owner', 'live', until,
       CASE WHEN until IS NOT NULL THEN agent END, CASE WHEN until IS NULL THEN '' ELSE 'channel_owner' END,
       CASE WHEN until IS NULL THEN '' ELSE 'live' END, CASE WHEN until IS NULL THEN '' ELSE 'removed' END,
       coalesce(until, since)
  FROM (SELECT worn.*, (SELECT min(id) FROM contacts_agent) + number % 60 AS agent FROM worn) AS w
  JOIN kinds ON true
  JOIN labels_channellabel c ON c.channel_id = w.channel_id AND c.label_id = kinds.ids[w.kind]
 ORDER BY since;
INSERT INTO labels_labelevent (contact_id, channel_id, channel_label_id, kind, occurred_at, occurred_at_source, capped,
       received_at, actor_agent_id, actor_method, origin, effect, event_key)
SELECT contact_id, channel_id, channel_label_id, 'add', added_at, 'gateway', false, added_at, added_by_id,
       'channel_owner', 'live', 'opened', 'event ' || id
  FROM labels_labelassignment ORDER BY added_at;
INSERT INTO labels_labelspell (contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync,
       agent_id, method, removed_by_id, mistap)
SELECT contact_id, label_id, channel_id, added_at, removed_at, false, false, false, added_by_id, added_by_method,
       removed_by_id, false
  FROM labels_labelassignment ORDER BY added_at;
INSERT INTO labels_cleanspell (contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync,
       agent_id, method, removed_by_id)
SELECT contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync, agent_id, method,
       removed_by_id
  FROM labels_labelspell ORDER BY started_at;
INSERT INTO labels_labelday (label_id, day, added, mistaps, found, removed, lost)
SELECT label_id, day, sum(added), 0, 0, sum(removed), 0 FROM (
    SELECT label_id, (started_at AT TIME ZONE 'Asia/Jakarta')::date AS day, 1 AS added, 0 AS removed
      FROM labels_labelspell
    UNION ALL
    SELECT label_id, (ended_at AT TIME ZONE 'Asia/Jakarta')::date, 0, 1 FROM labels_labelspell
     WHERE ended_at IS NOT NULL
) AS sums
 GROUP BY label_id, day;

INSERT INTO contacts_message (contact_id, channel_id, external_id, from_me, kind, text, at, at_source, received_at)
SELECT id, ids[number], 'm' || k, k % 2 = 0, 'text', 'Pesan nomor ' || k, at + k * interval '1 minute', 'whatsapp',
       at + k * interval '1 minute'
  FROM people, numbers, generate_series(1, 10000) k
 WHERE n = (SELECT max(n) FROM people WHERE number % 4 = 0 AND pg_temp.die(n, 11, 10) > 0);
