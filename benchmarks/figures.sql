-- A company of two years for P3: {people} contacts with ten labels each over the years, 200 labels, 300 agents on as many
-- numbers of thirty teams, 500 campaigns. A tenth of the contacts is known on two teams' numbers. Set-wise and without
-- foreign key checks; the numbers follow from `n`.
--
-- A contact's even labels are its journey, one stage after the other; the odd ones stand beside them. Whoever is known on
-- two numbers has the journey on the first and the rest on the second, so that what each team sees is written straight
-- down: nothing is on two numbers at once, and the whole is the sum of the parts.

SET LOCAL session_replication_role = replica;

CREATE FUNCTION pg_temp.die(n bigint, which bigint, sides int) RETURNS int LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(n, which) & 2147483647) % sides)::int;

INSERT INTO contacts_team (name, created_at) SELECT 'Tim ' || g, now() FROM generate_series(1, 30) g;
INSERT INTO contacts_agent (code, name, created_at, team_id)
SELECT 'cs' || g, 'CS ' || g, now(), (SELECT min(id) FROM contacts_team) + g % 30 FROM generate_series(1, 300) g;
INSERT INTO contacts_channel (key, gateway, name, session, used_by_one, timezone, base_url, api_key, verify_token,
       own_phone, own_lid, status, connected_at, updated_at, team_id)
SELECT 'nomor' || g, 'generic', 'Nomor ' || g, 'nomor' || g, true, '', '', '', '', '', '', 'working',
       now() - interval '730 days', now(), (SELECT min(id) FROM contacts_team) + g % 30
  FROM generate_series(1, 300) g;
INSERT INTO contacts_channelownership (channel_id, agent_id, since, until, weekdays)
SELECT c.id, (SELECT min(id) FROM contacts_agent) + row_number() OVER (ORDER BY c.id) - 1, NULL, NULL, '[]'
  FROM contacts_channel c WHERE c.key LIKE 'nomor%';
INSERT INTO labels_channelscope SELECT id, team_id FROM contacts_channel;
INSERT INTO contacts_campaign (code, name, source, cost, starts_on, ends_on, created_at, updated_at)
SELECT 'k' || g, 'Kampanye ' || g, '', 1000000, current_date - 700, current_date, now(), now()
  FROM generate_series(1, 500) g;
INSERT INTO labels_label (name, name_en, color, meaning, high_quality, low_quality, exclusive_group,
       stale_reset_by_inbound, reviewed, created_at, updated_at, category_id)
SELECT 'Label ' || g, '', 'neutral', 'other', false, false, '', false, true, now(), now(),
       (SELECT min(id) FROM labels_category) + g % (SELECT count(*) FROM labels_category)
  FROM generate_series(1, 200 - (SELECT count(*) FROM labels_label)) g;

CREATE TEMP TABLE numbers ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY id) - 1 AS place, id, team_id,
       (SELECT min(id) FROM contacts_agent) + row_number() OVER (ORDER BY id) - 1 AS agent_id
  FROM contacts_channel WHERE key LIKE 'nomor%';
CREATE UNIQUE INDEX ON numbers (place);
CREATE TEMP TABLE kinds ON COMMIT DROP AS
SELECT id, step, step IS NOT NULL AS is_stage,
       row_number() OVER (PARTITION BY step IS NOT NULL ORDER BY id) - 1 AS place,
       count(*) OVER (PARTITION BY step IS NOT NULL) AS of_all
  FROM labels_label WHERE deleted_at IS NULL;

CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT n, nextval(pg_get_serial_sequence('contacts_contact', 'id')) AS id,
       now() - interval '730 days' * (1 - n / {people}.0) AS at, pg_temp.die(n, 1, 300) AS number,
       CASE WHEN pg_temp.die(n, 10, 10) = 0 THEN (pg_temp.die(n, 1, 300) + 1) % 300 END AS other
  FROM generate_series(1, {people}) n;
INSERT INTO contacts_contact (id, name, name_source, phone, lid, first_seen_at, first_inbound_at, last_inbound_at,
       last_outbound_at, campaign_id, created_at, updated_at)
SELECT id, 'Kontak ' || n, 'whatsapp', '+62' || (81100000000 + n * 7), '', at, at, at + interval '3 days',
       at + interval '4 days',
       CASE WHEN pg_temp.die(n, 7, 4) > 0 THEN (SELECT min(id) FROM contacts_campaign) + pg_temp.die(n, 8, 500) END, at, at
  FROM people ORDER BY n;
INSERT INTO contacts_contactchannel (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at)
SELECT p.id, c.id, at, at, at + interval '3 days' FROM people p JOIN numbers c ON c.place = p.number ORDER BY n;
INSERT INTO contacts_contactchannel (contact_id, channel_id, first_seen_at, first_inbound_at, last_inbound_at)
SELECT p.id, c.id, at, at, at FROM people p JOIN numbers c ON c.place = p.other ORDER BY n;
INSERT INTO contacts_campaigntouch (contact_id, campaign_id, channel_id, at, method, evidence)
SELECT p.id, c.campaign_id, k.id, p.at, 'ad', '{}'
  FROM people p JOIN contacts_contact c ON c.id = p.id JOIN numbers k ON k.place = p.number
 WHERE c.campaign_id IS NOT NULL ORDER BY n;

-- Ten labels each, two and a half days apart. Of the journey one is on until the next comes, the last stays; of those
-- beside it three in four are taken off.
CREATE TEMP TABLE worn ON COMMIT DROP AS
SELECT p.id AS contact_id, k, l.id AS label_id, l.step, c.id AS channel_id, c.agent_id, c.team_id, p.other IS NOT NULL AS is_shared,
       p.at + interval '1 hour' + k * interval '60 hours' AS since,
       CASE WHEN k % 2 = 0 AND k < 8 THEN p.at + interval '1 hour' + (k + 2) * interval '60 hours'
            WHEN k % 2 = 1 AND pg_temp.die(p.n, 30 + k, 4) > 0 THEN p.at + interval '9 days' + k * interval '50 hours' END AS until
  FROM people p CROSS JOIN generate_series(0, 9) k
  JOIN numbers c ON c.place = CASE WHEN k % 2 = 0 OR p.other IS NULL THEN p.number ELSE p.other END
  JOIN kinds l ON l.is_stage = (k % 2 = 0)
   AND l.place = (pg_temp.die(p.n, 20 + k % 2, 1000000) + k / 2 * 7) % l.of_all
 WHERE p.at + interval '1 hour' + k * interval '60 hours' < now();
UPDATE worn SET until = NULL WHERE until >= now();

INSERT INTO labels_channellabel (channel_id, external_id, generation, name, name_is_saved, is_placeholder, color,
       list_type, hidden, label_id, first_seen_at)
SELECT c.id, l.id::text, 1, l.id::text, true, false, 0, '', false, l.id, now() - interval '730 days'
  FROM numbers c CROSS JOIN kinds l;
INSERT INTO labels_labelassignment (contact_id, channel_id, channel_label_id, label_id, channel_label_name, added_at,
       added_at_source, added_by_id, added_by_method, origin, removed_at, removed_by_id, removed_by_method,
       removed_origin, removed_reason, updated_at)
SELECT w.contact_id, w.channel_id, c.id, w.label_id, c.name, since, 'gateway', agent_id, 'channel_owner', 'live', until,
       CASE WHEN until IS NOT NULL THEN agent_id END, CASE WHEN until IS NULL THEN '' ELSE 'channel_owner' END,
       CASE WHEN until IS NULL THEN '' ELSE 'live' END, CASE WHEN until IS NULL THEN '' ELSE 'removed' END,
       coalesce(until, since)
  FROM worn w JOIN labels_channellabel c ON c.channel_id = w.channel_id AND c.label_id = w.label_id ORDER BY since;
INSERT INTO labels_labelspell (contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync,
       agent_id, method, removed_by_id, mistap, reach)
SELECT contact_id, label_id, channel_id, since, until, false, false, false, agent_id, 'channel_owner',
       CASE WHEN until IS NOT NULL THEN agent_id END, false, CASE WHEN is_shared THEN 3 ELSE 1 END
  FROM worn ORDER BY since;
INSERT INTO labels_scopedlabelspell (contact_id, scope, label_id, channel_id, started_at, ended_at, found, lost,
       import_or_resync, agent_id, method, removed_by_id, mistap)
SELECT contact_id, v.scope, label_id, channel_id, since, until, false, false, false, agent_id, 'channel_owner',
       CASE WHEN until IS NOT NULL THEN agent_id END, false
  FROM worn CROSS JOIN LATERAL (VALUES (team_id), (-channel_id)) AS v (scope) WHERE is_shared ORDER BY since;
INSERT INTO labels_cleanspell (contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync,
       agent_id, method, removed_by_id, reach)
SELECT contact_id, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync, agent_id, method,
       removed_by_id, reach
  FROM labels_labelspell ORDER BY started_at;
INSERT INTO labels_scopedcleanspell (contact_id, scope, label_id, channel_id, started_at, ended_at, found, lost,
       import_or_resync, agent_id, method, removed_by_id)
SELECT contact_id, scope, label_id, channel_id, started_at, ended_at, found, lost, import_or_resync, agent_id, method,
       removed_by_id
  FROM labels_scopedlabelspell ORDER BY started_at;
INSERT INTO labels_stagestay (contact_id, label_id, step, started_at, ended_at, start_by_repair, end_by_repair, agent_id,
       channel_id, reach)
SELECT contact_id, label_id, step, since, until, false, false, agent_id, channel_id,
       CASE WHEN is_shared THEN 3 ELSE 1 END
  FROM worn WHERE step IS NOT NULL ORDER BY since;
INSERT INTO labels_scopedstagestay (contact_id, scope, label_id, step, started_at, ended_at, start_by_repair,
       end_by_repair, agent_id, channel_id)
SELECT contact_id, v.scope, label_id, step, since, until, false, false, agent_id, channel_id
  FROM worn CROSS JOIN LATERAL (VALUES (team_id), (-channel_id)) AS v (scope)
 WHERE step IS NOT NULL AND is_shared ORDER BY since;
INSERT INTO labels_labelday (scope, label_id, day, added, mistaps, found, removed, lost, compacted)
SELECT scope, label_id, day, sum(added), 0, 0, sum(removed), 0, true FROM (
    SELECT v.scope, label_id, (e.at AT TIME ZONE 'Asia/Jakarta')::date AS day, e.added, e.removed
      FROM worn
     CROSS JOIN LATERAL (VALUES (0), (team_id), (-channel_id)) AS v (scope)
     CROSS JOIN LATERAL (VALUES (since, 1, 0), (until, 0, 1)) AS e (at, added, removed)
     WHERE e.at IS NOT NULL
) AS sums
 GROUP BY scope, label_id, day;
