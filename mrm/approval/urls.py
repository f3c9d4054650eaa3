from django.urls import path

from mrm.approval import api as rest
from mrm.approval import views

app_name = "approval"

urlpatterns = [
    path("submit/<uuid:pk>/", views.submit, name="submit"),
    path("reopen/<uuid:pk>/", views.reopen, name="reopen"),
    path("withdraw/<uuid:pk>/", views.withdraw, name="withdraw"),
    path("<int:pk>/met/", views.meet, name="meet"),
]

# the register of what is borne for a time has an address of its own
risks = [
    path("", views.register, name="register"),
    path("export/", views.register_csv, name="register-csv"),
    path("model/<uuid:pk>/", views.of_model, name="of_model"),
    path("propose/<uuid:pk>/", views.propose_exception, name="propose"),
]

api = [
    path("versions/<uuid:pk>/submit/", rest.Submit.as_view(), name="submit"),
    path("versions/<uuid:pk>/reopen/", rest.Reopen.as_view(), name="reopen"),
    path("versions/<uuid:pk>/approval/", rest.OfVersion.as_view(), name="version-approvals"),
    path("approvals/<uuid:pk>/withdraw/", rest.Withdraw.as_view(), name="withdraw-approval"),
    path("accepted-risks/", rest.AcceptedRisks.as_view(), name="accepted-risks"),
    path("approvals/renewals/", rest.Renewals.as_view(), name="renewals"),
    path("approvals/<uuid:pk>/review/", rest.Review.as_view(), name="review-emergency"),
    path("conditions/<int:pk>/meet/", rest.Meet.as_view(), name="meet-condition"),
]
