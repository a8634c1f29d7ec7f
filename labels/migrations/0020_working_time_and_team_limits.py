"""Limits per team, working hours that limits may count, and stale labels that go to the lead.

Cost: two columns without a default, and an index over the stale flags, which reads them once: some milliseconds.
"""

import datetime as dt

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import labels.models.staleness


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0019_contradictions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FreeDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True, verbose_name='day')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='name')),
            ],
            options={
                'verbose_name': 'free day',
                'verbose_name_plural': 'free days',
                'ordering': ['day'],
            },
        ),
        migrations.CreateModel(
            name='StaleClock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('working_time', models.BooleanField(default=False, verbose_name='count working hours only')),
                ('weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), default=labels.models.staleness.six_days, size=None, verbose_name='working days')),
                ('opens', models.TimeField(default=dt.time(8, 0), verbose_name='opens')),
                ('closes', models.TimeField(default=dt.time(17, 0), verbose_name='closes')),
                ('public_holidays', models.BooleanField(default=True, verbose_name='closed on Indonesian public holidays')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed at')),
            ],
            options={
                'verbose_name': 'working hours',
                'verbose_name_plural': 'working hours',
                'default_permissions': ('change', 'view'),
            },
        ),
        migrations.CreateModel(
            name='TeamLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stale_after_days', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='stale after (days)')),
            ],
            options={
                'verbose_name': 'limit of a team',
                'verbose_name_plural': 'limits of teams',
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='label',
            name='escalate_after_days',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='to the lead after (days)'),
        ),
        migrations.AddField(
            model_name='staleflag',
            name='escalated_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='with the lead since'),
        ),
        migrations.AddIndex(
            model_name='staleflag',
            index=models.Index(condition=models.Q(('closed_at__isnull', True), ('escalated_at__isnull', False)), fields=['escalated_at'], name='stale_flag_escalated'),
        ),
        migrations.AddConstraint(
            model_name='staleclock',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_stale_clock'),
        ),
        migrations.AddField(
            model_name='teamlimit',
            name='label',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='team_limits', to='labels.label', verbose_name='label'),
        ),
        migrations.AddField(
            model_name='teamlimit',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.team', verbose_name='team'),
        ),
        migrations.AddConstraint(
            model_name='teamlimit',
            constraint=models.UniqueConstraint(fields=('label', 'team'), name='one_limit_per_label_and_team'),
        ),
    ]
