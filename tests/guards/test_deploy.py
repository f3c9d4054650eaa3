"""What deploy/ holds can be read, and keeps to what production asks."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
SETTINGS = (ROOT / "mrm" / "project" / "settings.py").read_text()


def manifests() -> list[dict[str, Any]]:
    return [
        document
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def pods() -> dict[str, dict[str, Any]]:
    return {
        entry["metadata"]["name"]: entry["spec"]["template"]["spec"]
        for entry in manifests()
        if "template" in entry.get("spec", {})
    }


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return content


def test_kustomization_lists_every_manifest() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    present = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == present


@pytest.mark.parametrize("name", ["web", "worker", "clock", "migrate"])
def test_pods_run_without_privileges(name: str) -> None:
    pod = pods()[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        context = container["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_only_the_migration_sees_the_owner() -> None:
    holders = [
        name
        for name, pod in pods().items()
        if any(source.get("secretRef", {}).get("name") == "mrm-owner" for source in pod["containers"][0]["envFrom"])
    ]
    assert holders == ["migrate"]


@pytest.mark.parametrize("name", ["clock", "sequencer"])
def test_what_leads_alone_runs_once(name: str) -> None:
    alone = next(entry for entry in manifests() if entry.get("metadata", {}).get("name") == name)
    assert (alone["spec"]["replicas"], alone["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_selectors_match_their_pods() -> None:
    for entry in manifests():
        if entry["kind"] == "Deployment":
            labels = entry["spec"]["template"]["metadata"]["labels"]
            assert entry["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_compose_services_wait_for_what_they_need() -> None:
    services = compose()["services"]
    assert {"database", "broker", "migrate", "web", "worker", "clock", "sequencer", "gateway"} == set(services)
    for name, service in services.items():
        for needed in service.get("depends_on", {}):
            assert needed in services, (name, needed)
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_images_are_pinned() -> None:
    images = [service["image"] for service in compose()["services"].values()]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for image in images:
        assert re.search(r":\d", image), image
        assert not image.endswith(":latest"), image


def test_the_image_does_not_run_as_root() -> None:
    instructions = re.findall(r"^([A-Z]+) (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    users = [value for name, value in instructions if name == "USER"]
    assert users == ["10001"]
    copied = [value.split()[0] for name, value in instructions if name == "COPY" and not value.startswith("--from")]
    assert all((ROOT / source.removeprefix("./")).exists() for source in copied)


def test_every_setting_that_deploy_names_is_read() -> None:
    text = (DEPLOY / "example.env").read_text() + (DEPLOY / "kubernetes" / "kustomization.yaml").read_text()
    elsewhere = {"MRM_OWNER_PASSWORD", "MRM_APP_PASSWORD", "MRM_LOG_PASSWORD"}
    for name in set(re.findall(r"\b(?:MRM|DATABASE)_[A-Z_]+\b", text)) - elsewhere:
        assert name in SETTINGS, name


def test_the_first_start_of_the_database_makes_every_role() -> None:
    script = (DEPLOY / "postgres-init.sh").read_text()
    for role in ("owner", "app", "log"):
        assert f"CREATE ROLE mrm_{role} LOGIN" in script
    assert "/roles.sql" in script
