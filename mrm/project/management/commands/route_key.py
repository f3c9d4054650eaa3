from typing import Any

from django.core.management.base import BaseCommand

from mrm.project.route_key import make_route_key


class Command(BaseCommand):
    help = "Make the key that routes are signed with, unless there is one, and say where its public part is."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"The gateway takes --route-key {make_route_key()}")
