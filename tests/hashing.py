"""The application's own way of keeping passwords, at a cost that a thousand tests can bear."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class QuickScrypt(ScryptPasswordHasher):
    """What it writes names its cost, so every other process reads it as well."""

    work_factor = 2**4
