from django.http import HttpResponse
from django.urls import path

app_name = "evaluation"


def _soon(request, pk=None):
    return HttpResponse()


urlpatterns = [
    path("run/<uuid:pk>/", _soon, name="run"),
]
api: list = []
