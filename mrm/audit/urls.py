"""Addresses of the trail."""

from django.urls import URLPattern, path

from mrm.audit import views, views_integrity

app_name = "audit"

urlpatterns = [
    path("", views.timeline, name="timeline"),
    path("findings/", views_integrity.findings, name="findings"),
    path("findings/replay/", views_integrity.replay, name="replay"),
    path("findings/<uuid:pk>/explain/", views_integrity.explain, name="explain"),
    path("<uuid:pk>/", views.event, name="event"),
    path("<uuid:pk>/place/", views.place, name="place"),
    path("<uuid:pk>/receipt/", views.receipt, name="receipt"),
    path("<uuid:pk>/json/", views.event_json, name="event_json"),
]

api: list[URLPattern] = []
