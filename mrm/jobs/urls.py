"""Addresses of long work."""

from django.urls import path

from mrm.jobs import api as rest
from mrm.jobs import views

app_name = "jobs"

urlpatterns = [
    path("", views.jobs, name="jobs"),
    path("<uuid:pk>/", views.job, name="job"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/cancel/", views.cancel, name="cancel"),
]

api = [path("jobs/<uuid:pk>/", rest.OneJob.as_view(), name="job")]
