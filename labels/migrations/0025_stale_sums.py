"""What the open stale flags of a contact come to, kept by triggers of their table, and an index of flags by age.

A flag learns what its label is worth, and the sums are written, in one pass over the open flags: about ten seconds per
hundred thousand. No flag is set, closed or changed meanwhile, so that none is missed; nothing else waits.
"""

import django.db.models.deletion
from django.db import migrations, models

# `labels.rules.urgency.value`, as it was when this was written.
WORTH = """
    UPDATE labels_staleflag f
    SET worth = CASE WHEN l.meaning IN ('complaint', 'urgent') THEN 4 WHEN l.low_quality THEN 1
                     ELSE (1 + coalesce(l.step, 0)) * CASE WHEN l.high_quality THEN 2 ELSE 1 END END
    FROM labels_label l WHERE l.id = f.label_id AND f.closed_at IS NULL
"""
PART = """
    SELECT contact_id, {sign}1 AS flags, {sign}worth AS worth,
           {sign}worth * ((extract(epoch FROM clock_started_at) * 1000000)::bigint + limit_days * 86400000000) AS due
    FROM {table} WHERE closed_at IS NULL
"""
CAME, GONE = PART.format(sign="", table="came"), PART.format(sign="-", table="gone")
SUMS = """
    SELECT contact_id, sum(flags)::int AS flags, sum(worth)::int AS worth, sum(due)::bigint AS due
    FROM ({parts}) AS part GROUP BY contact_id
"""
# Two who change flags of the same contacts wait for each other, in the order of contacts: the second adds to what the
# first left, and a row that the first took away is made anew.
HOLD = """
    PERFORM 1 FROM labels_stalesum WHERE contact_id IN (SELECT contact_id FROM gone WHERE closed_at IS NULL)
    ORDER BY contact_id FOR UPDATE;
"""
ADD = """
    WITH changed AS MATERIALIZED ({sums} HAVING (sum(flags), sum(worth), sum(due)) <> (0, 0, 0)), fewer AS (
        UPDATE labels_stalesum s
        SET flags = s.flags + changed.flags, worth = s.worth + changed.worth, due = s.due + changed.due
        FROM changed WHERE changed.flags <= 0 AND s.contact_id = changed.contact_id
    )
    INSERT INTO labels_stalesum AS s (contact_id, flags, worth, due)
    SELECT contact_id, flags, worth, due FROM changed WHERE flags > 0 ORDER BY contact_id
    ON CONFLICT (contact_id) DO UPDATE
    SET flags = s.flags + excluded.flags, worth = s.worth + excluded.worth, due = s.due + excluded.due;
"""
TIDY = """
    DELETE FROM labels_stalesum s
    USING (SELECT DISTINCT contact_id FROM gone WHERE closed_at IS NULL) AS left_behind
    WHERE s.contact_id = left_behind.contact_id AND s.flags <= 0;
"""
FILL = "INSERT INTO labels_stalesum (contact_id, flags, worth, due) {sums} ORDER BY contact_id"
EVENTS = {
    "insert": ("NEW TABLE AS came", [CAME], "{add}"),
    "update": ("OLD TABLE AS gone NEW TABLE AS came", [CAME, GONE], HOLD + "{add}" + TIDY),
    "delete": ("OLD TABLE AS gone", [GONE], HOLD + "{add}" + TIDY),
}


def follow(apps, schema_editor):
    run = schema_editor.execute
    run("LOCK TABLE labels_staleflag IN SHARE ROW EXCLUSIVE MODE")
    run(WORTH)
    run(FILL.format(sums=SUMS.format(parts=PART.format(sign="", table="labels_staleflag"))))
    for event, (tables, parts, steps) in EVENTS.items():
        body = steps.format(add=ADD.format(sums=SUMS.format(parts=" UNION ALL ".join(parts))))
        run(
            f"CREATE FUNCTION labels_stalesum_{event}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $body$ BEGIN {body} RETURN NULL; END $body$"
        )
        run(
            f"CREATE TRIGGER labels_stalesum_{event} AFTER {event.upper()} ON labels_staleflag"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION labels_stalesum_{event}()"
        )


def unfollow(apps, schema_editor):
    for event in EVENTS:
        schema_editor.execute(f"DROP TRIGGER labels_stalesum_{event} ON labels_staleflag")
        schema_editor.execute(f"DROP FUNCTION labels_stalesum_{event}()")


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0022_staff_numbers'),
        ('labels', '0024_label_suggestions'),
    ]

    operations = [
        migrations.AddField(
            model_name='staleflag',
            name='worth',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.CreateModel(
            name='StaleSum',
            fields=[
                ('contact', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='contacts.contact')),
                ('flags', models.IntegerField()),
                ('worth', models.IntegerField()),
                ('due', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RunPython(follow, unfollow),
        migrations.AddIndex(
            model_name='stalesum',
            index=models.Index(models.F('worth'), models.F('due'), models.OrderBy(models.F('contact'), descending=True), name='stale_sum_by_worth'),
        ),
        migrations.AddIndex(
            model_name='staleflag',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['clock_started_at'], name='open_flag_by_age'),
        ),
    ]
