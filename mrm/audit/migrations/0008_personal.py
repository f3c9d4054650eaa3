from pathlib import Path

from django.db import migrations, models

from mrm.audit.operations import AppendOnly, Govern

PERSONAL = Path(__file__).with_name("personal.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_searching"),
    ]

    operations = [
        migrations.CreateModel(
            name="Disclosure",
            fields=[
                ("commitment", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("person", models.CharField(db_index=True, max_length=40)),
                ("sealed", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="PersonalKey",
            fields=[
                ("person", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("key", models.BinaryField(null=True)),
                ("made_at", models.DateTimeField()),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("erased_at__isnull", False), ("key", None)),
                            models.Q(("erased_at", None), ("key__isnull", False)),
                            _connector="OR",
                        ),
                        name="personal_key_ended_when",
                    )
                ],
            },
        ),
        migrations.AlterModelOptions(
            name="change",
            options={"base_manager_name": "objects", "ordering": ["id"]},
        ),
        migrations.AlterModelOptions(
            name="event",
            options={"base_manager_name": "objects", "ordering": ["-position"]},
        ),
        Govern("audit_personalkey", "person", ("key",)),
        AppendOnly("audit_disclosure"),
        migrations.RunSQL(PERSONAL, migrations.RunSQL.noop),
    ]
