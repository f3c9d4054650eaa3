"""A row that keeps what never changes does not ask a function whether it did: the trigger's own condition sees it."""

from django.db import migrations

STAYS = {
    "access_businessunit": ("key", "parent_id", "path"),
    "access_account": ("person_id", "kind", "created_at"),
    "access_rolegrant": ("account_id", "role", "unit_id", "since", "until", "granted_by_id"),
}


def _trigger(table: str, columns: tuple[str, ...], *, asks: bool) -> str:
    told = ", ".join(f"'{column}'" for column in columns)
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns)
    return (
        f"CREATE OR REPLACE TRIGGER access_stays BEFORE UPDATE ON {table} FOR EACH ROW"
        f"{'' if asks else f' WHEN ({changed})'} EXECUTE FUNCTION access_stays({told});"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER access_stays;"
    )


class Migration(migrations.Migration):
    dependencies = [("access", "0005_single_sign_on")]

    operations = [
        migrations.RunSQL(
            "".join(_trigger(table, columns, asks=False) for table, columns in STAYS.items()),
            "".join(_trigger(table, columns, asks=True) for table, columns in STAYS.items()),
        )
    ]
