"""Runs of tests on a version: performance, bias, explainability."""
