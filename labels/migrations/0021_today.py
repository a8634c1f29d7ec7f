"""What people did about the lines of the Today page, and an index of open stale flags by label and clock.

A new table costs nothing. The index takes one pass over the flags, and is built without holding up writers.
"""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0020_working_time_and_team_limits'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TodayAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('waiting', 'Waiting for payment too long'), ('high', 'High quality, not followed up'), ('unanswered', 'Unanswered'), ('follow_up', 'Follow-up due'), ('never', 'Never labelled'), ('stale', 'Stale label'), ('contradiction', 'Contradictory labels')], max_length=15)),
                ('action', models.CharField(choices=[('snooze', 'snoozed'), ('assign', 'assigned'), ('follow', 'follow-up set'), ('settle', 'still right, or settled'), ('fix', 'fixed')], max_length=10)),
                ('at', models.DateTimeField()),
                ('batch', models.UUIDField()),
                ('hides', models.BooleanField(default=False)),
                ('until', models.DateTimeField(null=True)),
                ('for_user_only', models.BooleanField(default=False)),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('before', models.JSONField(default=dict)),
                ('undone_at', models.DateTimeField(null=True)),
                ('contact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'indexes': [
                    models.Index(fields=['contact', 'kind', 'at'], name='today_action_by_contact'),
                    models.Index(fields=['user', 'at'], name='today_action_by_user'),
                    models.Index(condition=models.Q(('undone_at__isnull', True)), fields=['batch'], name='today_action_by_batch'),
                ],
            },
        ),
        AddIndexConcurrently('staleflag', models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['label', 'clock_started_at'], name='open_flag_by_clock')),
    ]
