-- After volume.sql: whoever is known on a second number, another team's, has one to three labels there too, and who
-- sees which part of them is not worked out yet.
INSERT INTO labels_labelassignment (contact_id, channel_id, channel_label_id, label_id, channel_label_name, added_at,
       added_at_source, added_by_method, origin, removed_at, removed_by_method, removed_origin, removed_reason, updated_at)
SELECT a.contact_id, w.channel_id, w.id, w.label_id, w.name, a.added_at + interval '5 hours', 'gateway', 'unknown',
       'live', a.removed_at + interval '5 hours', CASE WHEN a.removed_at IS NULL THEN '' ELSE 'unknown' END,
       CASE WHEN a.removed_at IS NULL THEN '' ELSE 'live' END, CASE WHEN a.removed_at IS NULL THEN '' ELSE 'removed' END,
       a.updated_at
  FROM labels_labelassignment a
  JOIN contacts_contactchannel k ON k.contact_id = a.contact_id AND k.channel_id <> a.channel_id
  JOIN labels_channellabel w ON w.channel_id = k.channel_id AND w.label_id = a.label_id;
INSERT INTO labels_channelscope SELECT id, team_id FROM contacts_channel;
