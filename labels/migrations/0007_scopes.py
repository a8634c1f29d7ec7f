"""Projections for each team and each channel where they differ from the whole; sums of days that are only appended.

New columns have a default that the database keeps, so no row is rewritten; new indexes are built over label days
alone, some thousands of rows. A drain of the version before waits for the locks for a moment, and then cannot write
sums of days: stop workers first, as `make run` does by itself. What it could not write stays in the inbox.

`0008_scopes_of_what_is_there` works out what is there.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0010_consent_without_evidence'),
        ('labels', '0006_no_label_commands'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ScopedCleanSpell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('found', models.BooleanField()),
                ('lost', models.BooleanField(default=False)),
                ('import_or_resync', models.BooleanField(default=False)),
                ('method', models.CharField(choices=[('crm_user', 'set from here'), ('channel_owner', 'owner of the number'), ('roster', 'on shift'), ('assigned', 'contact is assigned to'), ('unknown', 'unknown')], max_length=15)),
                ('scope', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ScopedLabelSpell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('found', models.BooleanField()),
                ('lost', models.BooleanField(default=False)),
                ('import_or_resync', models.BooleanField(default=False)),
                ('method', models.CharField(choices=[('crm_user', 'set from here'), ('channel_owner', 'owner of the number'), ('roster', 'on shift'), ('assigned', 'contact is assigned to'), ('unknown', 'unknown')], max_length=15)),
                ('scope', models.BigIntegerField()),
                ('mistap', models.BooleanField(default=False)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ScopedStageStay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.PositiveSmallIntegerField()),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('start_by_repair', models.BooleanField(default=False)),
                ('end_by_repair', models.BooleanField(default=False)),
                ('scope', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ChannelScope',
            fields=[
                ('channel', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='contacts.channel')),
                ('team', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.team')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RemoveConstraint(
            model_name='labelday',
            name='label_day_once',
        ),
        migrations.RemoveIndex(
            model_name='labelday',
            name='label_day_by_day',
        ),
        migrations.AddField(
            model_name='cleanspell',
            name='reach',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='labelday',
            name='scope',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='labelday',
            name='compacted',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='labelspell',
            name='reach',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='stagestay',
            name='reach',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AlterField(
            model_name='stagestay',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='contacts.contact'),
        ),
        migrations.AddIndex(
            model_name='labelday',
            index=models.Index(fields=['scope', 'day'], name='label_day_by_day'),
        ),
        migrations.AddIndex(
            model_name='labelday',
            index=models.Index(fields=['scope', 'label', 'day'], name='label_day_by_label'),
        ),
        migrations.AddIndex(
            model_name='labelday',
            index=models.Index(condition=models.Q(('compacted', False)), fields=['id'], name='label_day_new'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='agent',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.agent'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='channel',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.channel'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='contacts.contact'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='label',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='%(class)ss', to='labels.label'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='removed_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.agent'),
        ),
        migrations.AddField(
            model_name='scopedcleanspell',
            name='user',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='agent',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.agent'),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='channel',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.channel'),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='contacts.contact'),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='label',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='%(class)ss', to='labels.label'),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='removed_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.agent'),
        ),
        migrations.AddField(
            model_name='scopedlabelspell',
            name='user',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='scopedstagestay',
            name='agent',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contacts.agent'),
        ),
        migrations.AddField(
            model_name='scopedstagestay',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='contacts.contact'),
        ),
        migrations.AddField(
            model_name='scopedstagestay',
            name='label',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='labels.label'),
        ),
        migrations.AddIndex(
            model_name='scopedcleanspell',
            index=models.Index(fields=['scope', 'started_at'], name='scoped_clean_by_scope'),
        ),
        migrations.AddConstraint(
            model_name='scopedcleanspell',
            constraint=models.UniqueConstraint(fields=('contact', 'scope', 'label', 'started_at'), name='scoped_clean_spell_once'),
        ),
        migrations.AddIndex(
            model_name='scopedlabelspell',
            index=models.Index(fields=['scope', 'started_at'], name='scoped_spell_by_scope'),
        ),
        migrations.AddConstraint(
            model_name='scopedlabelspell',
            constraint=models.UniqueConstraint(fields=('contact', 'scope', 'label', 'started_at'), name='scoped_spell_once'),
        ),
        migrations.AddIndex(
            model_name='scopedstagestay',
            index=models.Index(fields=['scope', 'started_at'], name='scoped_stay_by_scope'),
        ),
        migrations.AddConstraint(
            model_name='scopedstagestay',
            constraint=models.UniqueConstraint(fields=('contact', 'scope', 'started_at'), name='scoped_stay_once'),
        ),
    ]
