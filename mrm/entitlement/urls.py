"""Addresses of entitlements."""

from django.urls import path

from mrm.entitlement.api import proposal as rest
from mrm.entitlement.views import proposal as proposals

app_name = "entitlement"

urlpatterns = [
    path("proposals/", proposals.proposals, name="proposals"),
    path("proposals/<uuid:pk>/", proposals.proposal, name="proposal"),
    path("people/<uuid:pk>/propose/", proposals.propose, name="propose"),
]

api = [
    path("role-proposals/", rest.Proposals.as_view(), name="role_proposals"),
    path("role-proposals/<uuid:pk>/", rest.OneProposal.as_view(), name="role_proposal"),
]
