"""What an answer is asked for is part of the request, and is written once."""

from django.db import migrations, models

RULES = """
CREATE FUNCTION signoff_terms_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.terms IS DISTINCT FROM OLD.terms THEN
    RAISE EXCEPTION 'the terms of a request are never changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signoff_terms_stay BEFORE UPDATE ON signoff_request
  FOR EACH ROW EXECUTE FUNCTION signoff_terms_stay();
ALTER TABLE signoff_request ENABLE ALWAYS TRIGGER signoff_terms_stay;
"""


class Migration(migrations.Migration):
    dependencies = [("signoff", "0004_queue")]

    operations = [
        migrations.AddField("request", "terms", models.JSONField(blank=True, default=dict)),
        migrations.RunSQL(RULES, "DROP FUNCTION signoff_terms_stay CASCADE"),
    ]
