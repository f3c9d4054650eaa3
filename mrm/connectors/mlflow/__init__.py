"""The connector to an MLflow tracking server and its model registry."""

from .connector import MlflowConnector

__all__ = ["MlflowConnector"]
