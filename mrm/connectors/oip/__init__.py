"""The connector to any server that speaks the Open Inference Protocol; it deploys to MLServer."""

from .connector import OipConnector

__all__ = ["OipConnector"]
