from django.http import HttpResponse
from django.urls import path

app_name = "deployment"


def _soon(request, pk=None):
    return HttpResponse()


urlpatterns = [
    path("deployment/<uuid:pk>/", _soon, name="deployment"),
    path("target/<uuid:pk>/", _soon, name="target"),
    path("deployments/", _soon, name="deployments"),
]
api: list = []
