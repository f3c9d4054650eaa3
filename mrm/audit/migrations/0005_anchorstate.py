import django.db.models.deletion
from django.db import migrations, models

# the sequencer's role alone writes it, and may write it over: it is a note, not evidence
GRANTS = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON audit_anchorstate FROM mrm_app;
    GRANT SELECT ON audit_anchorstate TO mrm_app;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_log') THEN
    GRANT SELECT, INSERT, UPDATE ON audit_anchorstate TO mrm_log;
  END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_integrity"),
    ]

    operations = [
        migrations.CreateModel(
            name="AnchorState",
            fields=[
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=20)),
                ("address", models.CharField(max_length=300)),
                ("tried_at", models.DateTimeField()),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True)),
                ("alarm", models.BooleanField(default=False)),
                (
                    "doubted",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.anchor",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
