"""The log itself, and the guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import Govern, SetOnce, States
from mrm.prediction.workflow import ALERTS, EXTRACTS

_SQL = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("prediction", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("prediction_archive"),
        Govern("prediction_alert"),
        Govern("prediction_extract"),
        SetOnce("prediction_archive", "dropped_at"),
        States("prediction_alert", "status", ALERTS.edges()),
        States("prediction_extract", "status", EXTRACTS.edges()),
        migrations.RunSQL(_SQL.with_name("log.sql").read_text(), _SQL.with_name("undo.sql").read_text()),
    ]
