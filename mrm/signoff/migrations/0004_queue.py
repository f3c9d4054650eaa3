"""The queue finds what waits for a role without judging every request."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signoff", "0003_proposal")]

    operations = [
        migrations.AddField(
            "request",
            "open_roles",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20), default=list, size=None
            ),
        ),
        migrations.AddIndex(
            "request",
            models.Index(
                condition=models.Q(("status", "open")), fields=["due", "tier", "number"], name="request_open_queue"
            ),
        ),
        migrations.AddIndex("request", models.Index(fields=["subject_kind", "subject_key"], name="request_subject")),
    ]
