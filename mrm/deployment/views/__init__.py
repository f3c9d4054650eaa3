"""Pages: what runs where and how to change it, the places, the environments, and incidents."""

from mrm.deployment.views.deployments import panel

__all__ = ["panel"]
