"""Addresses of erasure."""

from django.urls import path

from mrm.privacy import api as rest
from mrm.privacy import views

app_name = "privacy"

urlpatterns = [
    path("", views.erasures, name="erasures"),
    path("ask/<uuid:pk>/", views.ask, name="ask"),
    path("<uuid:pk>/", views.erasure, name="erasure"),
]

api = [
    path("people/<uuid:pk>/erasure/", rest.PersonErasure.as_view(), name="person_erasure"),
]
