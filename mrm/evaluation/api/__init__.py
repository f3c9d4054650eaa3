"""Runs, comparisons, the library of tests and the permission to run a pickle, over the API."""
