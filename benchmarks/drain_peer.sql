-- The limit of P2: the same result as the drain's, by set-wise SQL over the whole backlog in one transaction.
-- It knows what the bench's events are (live adds and removes of saved labels by the owners of four numbers, one
-- meaning per label) and leaves out what that makes needless: locks, late events, renames, resyncs, stage stays.

CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT e.id AS inbox_id, e.channel_id, e.received_at, told ->> 'event' = 'label.chat.added' AS is_on,
       told -> 'payload' ->> 'labelId' AS external_id,
       '+' || split_part(told -> 'payload' ->> 'chatId', '@', 1) AS phone,
       least(to_timestamp((told ->> 'timestamp')::bigint / 1000.0), e.received_at) AS at,
       encode(sha256(convert_to(e.dedupe_key || '#1', 'UTF8')), 'hex') AS event_key
  FROM webhooks_inboundevent e, LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb AS told) AS parsed
 WHERE e.state = 'pending';
ANALYZE told;

-- Contacts, their phones, and the numbers they are known on.
CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT phone, nextval(pg_get_serial_sequence('contacts_contact', 'id')) AS contact_id,
       nextval(pg_get_serial_sequence('contacts_contactidentity', 'id')) AS identity_id, seen
  FROM (SELECT phone, min(at) AS seen FROM told GROUP BY phone ORDER BY phone) AS by_phone;
ANALYZE people;
INSERT INTO contacts_contact (id, name, name_source, phone, lid, first_seen_at, created_at, updated_at)
SELECT contact_id, '', '', phone, '', seen, now(), now() FROM people;
INSERT INTO contacts_contactidentity (id, contact_id, kind, value, created_at)
SELECT identity_id, contact_id, 'phone', phone, now() FROM people;
INSERT INTO contacts_contactchannel (contact_id, channel_id, first_seen_at)
SELECT contact_id, channel_id, min(at) FROM told JOIN people USING (phone) GROUP BY contact_id, channel_id;

-- Events, folded: an add opens where nothing was on, a remove closes where something was.
CREATE TEMP TABLE folded ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('labels_labelevent', 'id')) AS id, p.contact_id, p.identity_id, t.channel_id,
       w.id AS channel_label_id, w.label_id, w.name, o.agent_id, t.is_on, t.at, t.received_at, t.event_key, t.inbox_id,
       lag(t.is_on) OVER key AS before
  FROM told t
  JOIN people p USING (phone)
  JOIN labels_channellabel w ON w.channel_id = t.channel_id AND w.external_id = t.external_id
  LEFT JOIN contacts_channelownership o ON o.channel_id = t.channel_id
        AND (o.since IS NULL OR o.since <= t.at) AND (o.until IS NULL OR t.at < o.until)
WINDOW key AS (PARTITION BY p.contact_id, w.id ORDER BY t.at, NOT t.is_on, t.event_key COLLATE "C");
ANALYZE folded;
INSERT INTO labels_labelevent (id, contact_id, identity_id, channel_id, channel_label_id, kind, occurred_at,
       occurred_at_source, capped, received_at, actor_agent_id, actor_method, origin, effect, event_key, inbox_id)
SELECT id, contact_id, identity_id, channel_id, channel_label_id, CASE WHEN is_on THEN 'add' ELSE 'remove' END, at,
       'gateway', false, received_at, agent_id, CASE WHEN agent_id IS NULL THEN 'unknown' ELSE 'channel_owner' END,
       'live',
       CASE WHEN is_on AND before IS NOT TRUE THEN 'opened' WHEN NOT is_on AND before THEN 'closed' ELSE 'none' END,
       event_key, inbox_id
  FROM folded ORDER BY id;

-- Intervals: what opens and what closes alternate, so each opening ends with the next row of its key.
CREATE TEMP TABLE intervals ON COMMIT DROP AS
SELECT * FROM (
    SELECT id AS event_id, contact_id, channel_id, channel_label_id, label_id, name, is_on, at AS added_at,
           agent_id AS added_by, lead(at) OVER key AS removed_at, lead(agent_id) OVER key AS removed_by
      FROM folded
     WHERE is_on IS DISTINCT FROM coalesce(before, false)
    WINDOW key AS (PARTITION BY contact_id, channel_label_id ORDER BY at, NOT is_on, event_key COLLATE "C")
) AS alternating
 WHERE is_on;
ANALYZE intervals;
INSERT INTO labels_labelassignment (contact_id, channel_id, channel_label_id, label_id, channel_label_name, added_at,
       added_at_source, added_by_id, added_by_method, origin, removed_at, removed_by_id, removed_by_method,
       removed_origin, removed_reason, added_event_id, updated_at)
SELECT contact_id, channel_id, channel_label_id, label_id, name, added_at, 'gateway', added_by,
       CASE WHEN added_by IS NULL THEN 'unknown' ELSE 'channel_owner' END, 'live', removed_at, removed_by,
       CASE WHEN removed_at IS NULL THEN '' WHEN removed_by IS NULL THEN 'unknown' ELSE 'channel_owner' END,
       CASE WHEN removed_at IS NULL THEN '' ELSE 'live' END, CASE WHEN removed_at IS NULL THEN '' ELSE 'removed' END,
       event_id, now()
  FROM intervals;

-- Spells: overlapping or touching intervals of one canonical label are one.
CREATE TEMP TABLE spells ON COMMIT DROP AS
WITH islands AS (
    SELECT *, count(*) FILTER (WHERE starts) OVER so_far AS island FROM (
        SELECT *, (added_at > max(coalesce(removed_at, 'infinity')) OVER (
                   PARTITION BY contact_id, label_id ORDER BY added_at, channel_id, channel_label_id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) IS NOT FALSE AS starts
          FROM intervals
         WHERE removed_at IS NULL OR date_trunc('second', removed_at) <> date_trunc('second', added_at)
    ) AS marked
    WINDOW so_far AS (PARTITION BY contact_id, label_id ORDER BY added_at, channel_id, channel_label_id)
), joined AS (
    SELECT contact_id, label_id, min(added_at) AS started_at,
           CASE WHEN bool_or(removed_at IS NULL) THEN NULL ELSE max(removed_at) END AS ended_at,
           (array_agg(channel_id ORDER BY added_at, channel_id, channel_label_id))[1] AS channel_id,
           (array_agg(added_by ORDER BY added_at, channel_id, channel_label_id))[1] AS agent_id,
           (array_agg(channel_id ORDER BY removed_at DESC NULLS FIRST, channel_id, channel_label_id))[1] AS closed_on,
           (array_agg(removed_by ORDER BY removed_at DESC NULLS FIRST, channel_id, channel_label_id))[1] AS removed_by
      FROM islands GROUP BY contact_id, label_id, island
)
SELECT *, coalesce(ended_at - started_at <= '120 s' AND channel_id = closed_on
                   AND agent_id IS NOT DISTINCT FROM removed_by, false) AS mistap
  FROM joined;
INSERT INTO labels_labelspell (contact_id, label_id, started_at, ended_at, channel_id, found, lost, import_or_resync,
       agent_id, method, removed_by_id, mistap, added_before)
SELECT contact_id, label_id, started_at, ended_at, channel_id, false, false, false, agent_id,
       CASE WHEN agent_id IS NULL THEN 'unknown' ELSE 'channel_owner' END,
       CASE WHEN ended_at IS NULL THEN NULL ELSE removed_by END, mistap,
       lag(started_at) OVER (PARTITION BY contact_id, label_id ORDER BY started_at)
  FROM spells;

-- Clean spells: interruptions under two minutes bridged, then mistaps dropped.
INSERT INTO labels_cleanspell (contact_id, label_id, started_at, ended_at, channel_id, found, lost, import_or_resync,
       agent_id, method, removed_by_id)
SELECT contact_id, label_id, started_at, ended_at, channel_id, false, false, false, agent_id,
       CASE WHEN agent_id IS NULL THEN 'unknown' ELSE 'channel_owner' END,
       CASE WHEN ended_at IS NULL THEN NULL ELSE removed_by END
  FROM (
    SELECT contact_id, label_id, min(started_at) AS started_at,
           CASE WHEN bool_or(ended_at IS NULL) THEN NULL ELSE max(ended_at) END AS ended_at,
           (array_agg(channel_id ORDER BY started_at))[1] AS channel_id,
           (array_agg(agent_id ORDER BY started_at))[1] AS agent_id,
           (array_agg(closed_on ORDER BY started_at DESC))[1] AS closed_on,
           (array_agg(removed_by ORDER BY started_at DESC))[1] AS removed_by
      FROM (
        SELECT *, count(*) FILTER (WHERE apart) OVER (PARTITION BY contact_id, label_id ORDER BY started_at) AS bridge
          FROM (
            SELECT *, (started_at - lag(ended_at) OVER (PARTITION BY contact_id, label_id ORDER BY started_at)
                       < '120 s') IS NOT TRUE AS apart
              FROM spells
          ) AS compared
      ) AS bridged
     GROUP BY contact_id, label_id, bridge
  ) AS clean
 WHERE (ended_at - started_at <= '120 s' AND channel_id = closed_on AND agent_id IS NOT DISTINCT FROM removed_by)
       IS NOT TRUE;

-- Day sums.
INSERT INTO labels_labelday (label_id, day, added, mistaps, found, removed, lost)
SELECT label_id, day, sum(added), sum(mistaps), 0, sum(removed), 0 FROM (
    SELECT label_id, (started_at AT TIME ZONE 'Asia/Jakarta')::date AS day, 1 AS added,
           mistap::int AS mistaps, 0 AS removed
      FROM spells
    UNION ALL
    SELECT label_id, (ended_at AT TIME ZONE 'Asia/Jakarta')::date, 0, 0, 1 FROM spells WHERE ended_at IS NOT NULL
) AS sums
 GROUP BY label_id, day;

-- The inbox: what told nothing new is a duplicate.
UPDATE webhooks_inboundevent e
   SET state = CASE WHEN f.is_on AND f.before OR NOT f.is_on AND f.before IS FALSE THEN 'duplicate' ELSE 'applied' END,
       settled_at = now(), attempts = attempts + 1
  FROM folded f WHERE e.id = f.inbox_id;
