"""Open model risk management: the record, the sign-off and the artifact in one system."""

__version__ = "0.1.0"
