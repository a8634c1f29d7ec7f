SELECT ltrim(c.phone, '+') AS phone,
       CASE WHEN c.name ~ {formula} THEN '''' || c.name ELSE c.name END AS name,
       CASE WHEN labelled.names ~ {formula} THEN '''' || labelled.names ELSE labelled.names END AS labels,
       CASE WHEN campaign.name ~ {formula} THEN '''' || campaign.name ELSE campaign.name END AS campaign,
       CASE WHEN agent.name ~ {formula} THEN '''' || agent.name ELSE agent.name END AS assigned_to,
       to_char(greatest(c.last_inbound_at, c.last_outbound_at) AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM-DD HH24:MI')
           AS last_message_at
  FROM contacts_contact c
  LEFT JOIN contacts_campaign campaign ON campaign.id = c.campaign_id
  LEFT JOIN contacts_agent agent ON agent.id = c.assigned_to_id
  LEFT JOIN (
      SELECT contact_id, string_agg(name, '; ' ORDER BY added_at, id) AS names
        FROM (SELECT a.contact_id, a.added_at, a.id, l.name,
                     row_number() OVER (PARTITION BY a.contact_id, l.name ORDER BY a.added_at, a.id) AS place
                FROM labels_labelassignment a
                JOIN labels_channellabel w ON w.id = a.channel_label_id AND NOT w.hidden
                JOIN labels_label l ON l.id = a.label_id
               WHERE a.removed_at IS NULL) AS active
       WHERE place = 1
       GROUP BY contact_id
  ) AS labelled ON labelled.contact_id = c.id
  LEFT JOIN (
      SELECT DISTINCT s.contact_id FROM labels_cleanspell s
        JOIN labels_label l ON l.id = s.label_id AND l.meaning = 'complaint'
       WHERE s.ended_at IS NULL
  ) AS complaining ON complaining.contact_id = c.id
 WHERE c.deleted_at IS NULL AND complaining.contact_id IS NULL AND c.opted_out_at IS NULL AND c.phone <> ''
 ORDER BY c.id
