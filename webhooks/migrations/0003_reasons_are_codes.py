"""Turns the sentences that code tested into codes: `known`, `applied_before` and `session:<the session named>`.

Costs one pass over the inbox by primary key, in steps of 10,000 ids that each commit by themselves and lock only the
rows they change: 20 to 30 seconds per million rows where a third are duplicates, which all had a sentence. Rows
that wait to be processed again come first, because the drain reads theirs. May be interrupted and run again, and back.

Pages show a sentence that is not converted yet as it stands, and the drain settles every row rightly. Only two things
want the code: a row that waits to be processed again is called a duplicate instead of applied where it tells nothing
new, and taking over a session's name finds no row that still has its sentence. `make run` migrates before it starts
anything, so nobody meets either; where other machines run on, stop their workers first.

Back again, the sentence names the session that the channel has by then; one that was cut off at 300 characters is
no sentence that code could read, and stays one.
"""

from django.db import migrations

STEP = 10_000

# Only rows that wait have the one, only settled ones the others.
WAITING = "UPDATE webhooks_inboundevent SET reason = %s WHERE state = 'pending' AND reason = %s"
REPEATS = "UPDATE webhooks_inboundevent SET reason = %s WHERE id > %s AND id <= %s AND state = 'duplicate' AND reason = %s"
SESSIONS = """
    UPDATE webhooks_inboundevent SET reason = 'session:' || substring(reason FROM %s)
    WHERE id > %s AND id <= %s AND state = 'parked' AND reason ~ %s
"""
SENTENCES = """
    UPDATE webhooks_inboundevent AS e
       SET reason = left('names the session “' || substr(e.reason, 9) || '”, this channel''s is “' || c.session || '”', 300)
      FROM contacts_channel AS c
     WHERE c.id = e.channel_id AND e.id > %s AND e.id <= %s AND e.state = 'parked' AND e.reason LIKE 'session:%%'
"""
NAMED = "^names the session “(.*)”, this channel's is “"


def to_codes(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(WAITING, ["applied_before", "applied before"])
        for start in _steps(cursor):
            span = [start, start + STEP]
            cursor.execute(REPEATS, ["known", *span, "known already"])
            cursor.execute(SESSIONS, [NAMED, *span, NAMED])


def to_sentences(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(WAITING, ["applied before", "applied_before"])
        for start in _steps(cursor):
            span = [start, start + STEP]
            cursor.execute(REPEATS, ["known already", *span, "known"])
            cursor.execute(SENTENCES, span)


def _steps(cursor):
    cursor.execute("SELECT coalesce(max(id), 0) FROM webhooks_inboundevent")
    [last] = cursor.fetchone()
    return range(0, last, STEP)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("webhooks", "0002_bodies_to_empty")]

    operations = [migrations.RunPython(to_codes, to_sentences)]
