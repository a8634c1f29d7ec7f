"""What was said before a number was connected. Cost: columns with a constant default or none; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0007_types_nobody_knows'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='has_history',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='contact',
            name='first_live_inbound_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='contactchannel',
            name='has_history',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='contactchannel',
            name='first_live_inbound_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='history',
            field=models.BooleanField(db_default=False, default=False, verbose_name='from before'),
        ),
        # A contact that is not saved yet has them empty too; the table stays as it is.
        migrations.AlterField(
            model_name='contact',
            name='user_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=150, verbose_name='WhatsApp user id'),
        ),
        migrations.AlterField(
            model_name='contact',
            name='username',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='username'),
        ),
    ]
