"""Sums of days for every team and channel, and a job that works out what each sees of contacts they share.

The sums read every label spell once: about 10 seconds per million. The job begins with the first worker and goes over
everybody who has labels, 2,000 at a time; "Work" shows it. Until it is done a team and a number see contacts who are
known elsewhere too as before: by the spells of the whole business that began with them.
"""

from django.conf import settings
from django.db import migrations

SUMS = """
    WITH counted AS (
        SELECT v.scope, s.* FROM labels_labelspell s JOIN contacts_channel c ON c.id = s.channel_id
         CROSS JOIN LATERAL (SELECT c.team_id::bigint AS scope WHERE c.team_id IS NOT NULL UNION ALL SELECT -c.id) AS v
    )
    INSERT INTO labels_labelday (scope, label_id, day, added, mistaps, found, removed, lost, compacted)
    SELECT scope, label_id, day, sum(added), sum(mistaps), sum(found), sum(removed), sum(lost), true FROM (
        SELECT scope, label_id, (started_at AT TIME ZONE %(zone)s)::date AS day,
               (NOT found)::int AS added, mistap::int AS mistaps, found::int AS found, 0 AS removed, 0 AS lost
          FROM counted
        UNION ALL
        SELECT scope, label_id, (ended_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, (NOT lost)::int, lost::int
          FROM counted WHERE ended_at IS NOT NULL
    ) AS each GROUP BY 1, 2, 3
"""

ONE_ROW_A_DAY = """
    WITH gone AS (DELETE FROM labels_labelday RETURNING *)
    INSERT INTO labels_labelday (scope, label_id, day, added, mistaps, found, removed, lost)
    SELECT 0, label_id, day, sum(added), sum(mistaps), sum(found), sum(removed), sum(lost)
      FROM gone WHERE scope = 0 GROUP BY label_id, day
"""


def work_out(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("INSERT INTO labels_channelscope SELECT id, team_id FROM contacts_channel")
        cursor.execute(SUMS, {"zone": settings.TIME_ZONE})
    if apps.get_model("labels", "LabelAssignment").objects.exists():
        apps.get_model("core", "Job").objects.create(kind="labels.scopes", subject="scopes", parameters={})


def forget(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(ONE_ROW_A_DAY)
        cursor.execute("DELETE FROM labels_channelscope")
    apps.get_model("core", "Job").objects.filter(kind="labels.scopes").delete()


class Migration(migrations.Migration):
    dependencies = [("labels", "0007_scopes"), ("core", "0007_jobs")]

    operations = [migrations.RunPython(work_out, forget)]
