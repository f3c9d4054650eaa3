"""Serving backends, one folder each, all through one protocol.

A connector is a thin REST client. It receives frozen values, talks to one backend and reports what
it sees. It never decides whether a version may run: that gate stands in the core.
"""
