"""Routes of pages and API."""

from django.urls import path

from mrm.discovery import api as json
from mrm.discovery import views

app_name = "discovery"
urlpatterns = [
    path("", views.sightings, name="sightings"),
    path("version/find/", views.find_version, name="find_version"),
    path("places/<uuid:pk>/list/", views.list_place, name="list"),
    path("places/<uuid:pk>/caller/", views.set_caller, name="set_caller"),
    path("findings/<uuid:pk>/close/", views.close_finding, name="close_finding"),
    path("<uuid:pk>/", views.sighting, name="sighting"),
    path("<uuid:pk>/confirm/", views.confirm, name="confirm"),
    path("<uuid:pk>/dismiss/", views.dismiss, name="dismiss"),
]

api = [
    path("targets/<uuid:pk>/list/", json.List.as_view(), name="list_target"),
    path("targets/<uuid:pk>/caller/", json.CallerOf.as_view(), name="caller"),
    path("targets/<uuid:pk>/changed/", json.PlaceChanged.as_view(), name="place_changed"),
    path("sightings/", json.Sightings.as_view(), name="sightings"),
    path("sightings/<uuid:pk>/", json.SightingDetail.as_view(), name="sighting"),
    path("sightings/<uuid:pk>/confirm/", json.Confirm.as_view(), name="confirm_sighting"),
    path("sightings/<uuid:pk>/dismiss/", json.Dismiss.as_view(), name="dismiss_sighting"),
    path("shadow-findings/", json.Findings.as_view(), name="shadow_findings"),
    path("shadow-findings/<uuid:pk>/close/", json.Close.as_view(), name="close_shadow_finding"),
]
