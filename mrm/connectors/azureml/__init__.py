"""The connector to managed online endpoints of Azure Machine Learning."""

from .connector import AzuremlConnector

__all__ = ["AzuremlConnector"]
