"""Addresses of the inventory."""

from django.urls import path

from mrm.inventory import api as rest
from mrm.inventory.views import data, importing, lists, model, packs, rating, version

app_name = "inventory"

urlpatterns = [
    path("", lists.models, name="models"),
    path("export.csv", lists.export, name="export"),
    path("register/", model.register, name="register"),
    path("import/", importing.import_models, name="import"),
    path("packs/", packs.packs, name="packs"),
    path("packs/<int:pk>/", packs.pack, name="pack"),
    path("data/", data.datasets, name="datasets"),
    path("data/register/", data.register_dataset, name="register_dataset"),
    path("data/find/", data.find_dataset, name="find_dataset"),
    path("data/<uuid:pk>/", data.dataset, name="dataset"),
    path("versions/<uuid:pk>/", version.version, name="version"),
    path("versions/<uuid:pk>/edit/", version.edit_version, name="edit_version"),
    path("versions/<uuid:pk>/artifact/", version.attach, name="attach"),
    path("versions/<uuid:pk>/endpoint/", version.endpoint, name="endpoint"),
    path("versions/<uuid:pk>/endpoint/remove/", version.remove_endpoint, name="remove_endpoint"),
    path("versions/<uuid:pk>/data/", version.link_dataset, name="link_dataset"),
    path("versions/<uuid:pk>/retire/", version.retire_version, name="retire_version"),
    path("<uuid:pk>/", model.model, name="model"),
    path("<uuid:pk>/versions/", model.versions, name="versions"),
    path("<uuid:pk>/versions/add/", version.add_version, name="add_version"),
    path("<uuid:pk>/data/", model.data, name="data"),
    path("<uuid:pk>/timeline/", model.timeline, name="timeline"),
    path("<uuid:pk>/edit/", model.edit, name="edit"),
    path("<uuid:pk>/rate/", rating.rate, name="rate"),
    path("<uuid:pk>/override/", rating.override, name="override"),
    path("<uuid:pk>/confirm/", rating.confirm, name="confirm"),
    path("<uuid:pk>/retire/", model.retire, name="retire"),
    path("<uuid:pk>/dependencies/", model.dependencies, name="dependencies"),
    path("<uuid:pk>/upstream/", model.find_upstream, name="find_upstream"),
]

api = [
    path("models/", rest.Models.as_view(), name="models"),
    path("models/<uuid:pk>/", rest.OneModel.as_view(), name="model"),
    path("models/<uuid:pk>/rating/", rest.ModelRating.as_view(), name="rating"),
    path("models/<uuid:pk>/versions/", rest.ModelVersions.as_view(), name="versions"),
    path("models/<uuid:pk>/timeline/", rest.ModelTimeline.as_view(), name="timeline"),
    path("versions/<uuid:pk>/", rest.OneVersion.as_view(), name="version"),
    path("versions/<uuid:pk>/artifact/", rest.VersionArtifact.as_view(), name="artifact"),
    path("versions/<uuid:pk>/endpoint/", rest.VersionEndpoint.as_view(), name="version_endpoint"),
    path("versions/<uuid:pk>/datasets/", rest.VersionData.as_view(), name="version_datasets"),
    path("datasets/", rest.Datasets.as_view(), name="datasets"),
    path("datasets/<uuid:pk>/", rest.OneDataset.as_view(), name="dataset"),
]
