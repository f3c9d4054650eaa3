"""Draw the panels that other areas add to a page."""

from collections.abc import Iterable

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from mrm.inventory.queries.tabs import Panel


def drawn(request: HttpRequest, panels: Iterable[Panel]) -> list[SafeString]:
    return [render_to_string(panel.template, panel.context, request=request) for panel in panels]
