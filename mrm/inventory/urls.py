from django.http import HttpResponse
from django.urls import path

app_name = "inventory"


def _soon(request, pk=None):
    return HttpResponse()


urlpatterns = [
    path("model/<uuid:pk>/", _soon, name="model"),
    path("version/<uuid:pk>/", _soon, name="version"),
    path("dataset/<uuid:pk>/", _soon, name="dataset"),
    path("models/", _soon, name="models"),
]
api: list = []
