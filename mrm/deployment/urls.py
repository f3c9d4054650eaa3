"""Routes of pages and API."""

from django.urls import path

from mrm.deployment import api as json
from mrm.deployment import views

app_name = "deployment"
urlpatterns = [
    path("", views.deployments, name="deployments"),
    path("places/", views.targets, name="targets"),
    path("places/add/", views.add_target, name="add_target"),
    path("places/<uuid:pk>/", views.target, name="target"),
    path("places/<uuid:pk>/check/", views.check_target, name="check_target"),
    path("of/<uuid:pk>/", views.of_model, name="of_model"),
    path("new/<uuid:pk>/", views.create, name="create"),
    path("<uuid:pk>/", views.deployment, name="deployment"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/deploy/", views.deploy, name="deploy"),
    path("<uuid:pk>/roll-back/", views.roll_back, name="roll_back"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/refresh/", views.refresh, name="refresh"),
]

api = [
    path("targets/", json.Targets.as_view(), name="targets"),
    path("deployments/", json.Deployments.as_view(), name="deployments"),
    path("deployments/<uuid:pk>/", json.DeploymentDetail.as_view(), name="deployment"),
    path("deployments/<uuid:pk>/revisions/", json.Revisions.as_view(), name="revisions"),
    path("deployments/<uuid:pk>/roll-back/", json.RollBack.as_view(), name="roll_back"),
    path("deployments/<uuid:pk>/stop/", json.Stop.as_view(), name="stop"),
    path("deployments/<uuid:pk>/refresh/", json.Refresh.as_view(), name="refresh"),
]
