"""Routes of pages and API."""

from django.urls import path

from mrm.deployment.api import adoption as json_adoption
from mrm.deployment.api import deployments as json
from mrm.deployment.api import environments as json_environments
from mrm.deployment.api import experiments as json_experiments
from mrm.deployment.api import incidents as json_incidents
from mrm.deployment.api import places as json_places
from mrm.deployment.api import rules as json_rules
from mrm.deployment.api import traffic as json_traffic
from mrm.deployment.views import adoption, deployments, environments, experiments, incidents, places, rules, traffic

app_name = "deployment"
urlpatterns = [
    path("", deployments.deployments, name="deployments"),
    path("places/", places.targets, name="targets"),
    path("places/add/", places.add_target, name="add_target"),
    path("places/<uuid:pk>/", places.target, name="target"),
    path("places/<uuid:pk>/change/", places.change_target, name="change_target"),
    path("places/<uuid:pk>/check/", places.check_target, name="check_target"),
    path("places/<uuid:pk>/adopt/", adoption.adopt, name="adopt"),
    path("environments/", environments.environments, name="environments"),
    path("environments/define/", environments.define_environment, name="define_environment"),
    path("environments/<uuid:pk>/", environments.environment, name="environment"),
    path("environments/<uuid:pk>/policy/", environments.set_policy, name="set_policy"),
    path("environments/<uuid:pk>/freeze/", environments.declare_freeze, name="declare_freeze"),
    path("environments/<uuid:pk>/name/", environments.name_deployer, name="name_deployer"),
    path("environments/<uuid:pk>/unname/", environments.unname_deployer, name="unname_deployer"),
    path("freezes/<uuid:pk>/lift/", environments.lift_freeze, name="lift_freeze"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<uuid:pk>/", incidents.incident, name="incident"),
    path("incidents/<uuid:pk>/explain/", incidents.explain_incident, name="explain_incident"),
    path("incidents/<uuid:pk>/close/", incidents.close_incident, name="close_incident"),
    path("revisions/<uuid:pk>/<slug:which>/", deployments.statement, name="statement"),
    path("of/<uuid:pk>/", deployments.of_model, name="of_model"),
    path("experiments/<uuid:pk>/", experiments.experiment, name="experiment"),
    path("experiments/<uuid:pk>/outcomes/", experiments.outcomes, name="outcomes"),
    path("experiments/<uuid:pk>/end/", experiments.end, name="end_experiment"),
    path("experiments/<uuid:pk>/promote/", experiments.promote, name="promote"),
    path("new/<uuid:pk>/", deployments.create, name="create"),
    path("<uuid:pk>/", deployments.deployment, name="deployment"),
    path("<uuid:pk>/progress/", deployments.progress, name="progress"),
    path("<uuid:pk>/plan/", deployments.plan, name="plan"),
    path("<uuid:pk>/deploy/", deployments.deploy, name="deploy"),
    path("<uuid:pk>/roll-back/", deployments.roll_back, name="roll_back"),
    path("<uuid:pk>/rules/", rules.rules, name="rules"),
    path("<uuid:pk>/rules/plan/", rules.plan_rules, name="plan_rules"),
    path("<uuid:pk>/traffic/", traffic.traffic, name="traffic"),
    path("<uuid:pk>/traffic/plan/", traffic.plan_traffic, name="plan_traffic"),
    path("<uuid:pk>/experiment/", experiments.register, name="register_experiment"),
    path("<uuid:pk>/advance/", traffic.advance, name="advance"),
    path("<uuid:pk>/stop/", traffic.stop, name="stop"),
    path("<uuid:pk>/fail-back/", traffic.fail_back, name="fail_back"),
    path("<uuid:pk>/refresh/", deployments.refresh, name="refresh"),
]

api = [
    path("targets/", json_places.Targets.as_view(), name="targets"),
    path("targets/kinds/", json_places.PlaceKinds.as_view(), name="place_kinds"),
    path("targets/<uuid:pk>/", json_places.TargetDetail.as_view(), name="target"),
    path("targets/<uuid:pk>/adoption/plan/", json_adoption.AdoptionPlan.as_view(), name="adoption_plan"),
    path("targets/<uuid:pk>/adoption/", json_adoption.Adopt.as_view(), name="adoption"),
    path("environments/", json_environments.Environments.as_view(), name="environments"),
    path("environments/<uuid:pk>/policy/", json_environments.Policy.as_view(), name="environment_policy"),
    path("environments/<uuid:pk>/freezes/", json_environments.Freezes.as_view(), name="freezes"),
    path("environments/<uuid:pk>/deployers/", json_environments.Deployers.as_view(), name="deployers"),
    path("freezes/<uuid:pk>/lift/", json_environments.Lift.as_view(), name="lift_freeze"),
    path("incidents/", json_incidents.Incidents.as_view(), name="incidents"),
    path("incidents/<uuid:pk>/", json_incidents.IncidentDetail.as_view(), name="incident"),
    path("incidents/<uuid:pk>/explain/", json_incidents.Explain.as_view(), name="explain_incident"),
    path("incidents/<uuid:pk>/close/", json_incidents.Close.as_view(), name="close_incident"),
    path("deployments/", json.Deployments.as_view(), name="deployments"),
    path("deployments/<uuid:pk>/", json.DeploymentDetail.as_view(), name="deployment"),
    path("deployments/<uuid:pk>/plan/", json.PlanOf.as_view(), name="plan"),
    path("deployments/<uuid:pk>/revisions/", json.Revisions.as_view(), name="revisions"),
    path("deployments/<uuid:pk>/roll-back/", json.RollBack.as_view(), name="roll_back"),
    path("deployments/<uuid:pk>/traffic/", json_traffic.Traffic.as_view(), name="traffic"),
    path("deployments/<uuid:pk>/traffic/plan/", json_traffic.TrafficPlan.as_view(), name="traffic_plan"),
    path("deployments/<uuid:pk>/rules/", json_rules.Rules.as_view(), name="rules"),
    path("deployments/<uuid:pk>/rules/plan/", json_rules.RulesPlan.as_view(), name="rules_plan"),
    path("deployments/<uuid:pk>/advance/", json_traffic.Advance.as_view(), name="advance"),
    path("deployments/<uuid:pk>/experiments/", json_experiments.Experiments.as_view(), name="experiments"),
    path("experiments/<uuid:pk>/", json_experiments.ExperimentDetail.as_view(), name="experiment"),
    path("experiments/<uuid:pk>/readings/", json_experiments.Readings.as_view(), name="readings"),
    path("experiments/<uuid:pk>/end/", json_experiments.End.as_view(), name="end_experiment"),
    path("experiments/<uuid:pk>/promote/", json_experiments.Promote.as_view(), name="promote"),
    path("deployments/<uuid:pk>/stop/statement/", json_traffic.StopStatement.as_view(), name="stop_statement"),
    path("deployments/<uuid:pk>/stop/", json_traffic.Stop.as_view(), name="stop"),
    path(
        "deployments/<uuid:pk>/fail-back/statement/",
        json_traffic.FailBackStatement.as_view(),
        name="fail_back_statement",
    ),
    path("deployments/<uuid:pk>/fail-back/", json_traffic.FailBackSigned.as_view(), name="fail_back"),
    path("deployments/<uuid:pk>/refresh/", json.Refresh.as_view(), name="refresh"),
]
