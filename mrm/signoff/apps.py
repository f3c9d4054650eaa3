from django.apps import AppConfig


class SignoffConfig(AppConfig):
    name = "mrm.signoff"
    default_auto_field = "django.db.models.BigAutoField"
