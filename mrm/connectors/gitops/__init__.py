"""The connector to a Git repository of manifests that other tools roll out."""

from .connector import GitopsConnector

__all__ = ["GitopsConnector"]
