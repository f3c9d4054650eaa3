from django.urls import path

from mrm.signoff import api as rest
from mrm.signoff.views import aside, policies, requests, several

app_name = "signoff"

urlpatterns = [
    path("", requests.requests, name="requests"),
    path("waiting/", requests.waiting, name="waiting"),
    path("several/", several.several, name="several"),
    path("several/sign/", several.sign_several, name="sign-several"),
    path("delegations/", aside.delegations, name="delegations-page"),
    path("delegations/<int:pk>/end/", aside.end_delegation, name="end-delegation-page"),
    path("questions/<int:pk>/answer/", aside.answer, name="answer-page"),
    path("policies/", policies.policies, name="policies"),
    path("policies/new/", policies.edit, name="new-policy"),
    path("policies/preview/", policies.preview, name="preview-new-policy"),
    path("policies/<int:pk>/", policies.policy, name="policy"),
    path("policies/<int:pk>/export/", policies.export, name="export-policy"),
    path("policies/<int:pk>/edit/", policies.edit, name="edit-policy"),
    path("policies/<int:pk>/preview/", policies.preview, name="preview-policy"),
    path("<uuid:pk>/", requests.request_page, name="request"),
    path("<uuid:pk>/statement/", requests.compose, name="compose"),
    path("<uuid:pk>/sign/", requests.sign, name="sign"),
    path("<uuid:pk>/withdraw/", requests.withdraw, name="withdraw"),
    path("<uuid:pk>/questions/", aside.ask, name="ask"),
    path("<uuid:pk>/recuse/", aside.recuse, name="recuse-page"),
    path("<uuid:pk>/escalate/", aside.escalate, name="escalate-page"),
    path("<uuid:pk>/comments/", requests.comment, name="comment"),
]

api = [
    path("requests/", rest.Requests.as_view(), name="requests"),
    path("requests/<uuid:pk>/", rest.One.as_view(), name="request"),
    path("requests/<uuid:pk>/statement/", rest.Statement.as_view(), name="statement"),
    path("requests/<uuid:pk>/sign/", rest.Sign.as_view(), name="sign"),
    path("requests/<uuid:pk>/comments/", rest.Comments.as_view(), name="comments"),
    path("requests/<uuid:pk>/withdraw/", rest.Withdraw.as_view(), name="withdraw-request"),
    path("requests/<uuid:pk>/recuse/", rest.Recuse.as_view(), name="recuse"),
    path("requests/<uuid:pk>/questions/", rest.Questions.as_view(), name="questions"),
    path("requests/<uuid:pk>/escalate/", rest.Escalate.as_view(), name="escalate"),
    path("questions/<int:pk>/answer/", rest.Answer.as_view(), name="answer"),
    path("proposed-changes/", rest.ProposedChanges.as_view(), name="proposed-changes"),
    path("delegations/", rest.Delegations.as_view(), name="delegations"),
    path("delegations/<int:pk>/end/", rest.EndDelegation.as_view(), name="end-delegation"),
]
