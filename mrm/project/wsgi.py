"""The web application for the server."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mrm.project.settings")
application = get_wsgi_application()

# what is loaded by now stays for as long as the process: looking through it for garbage costs a quarter of a page
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 50)
