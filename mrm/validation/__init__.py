"""Independent challenge: plans, evidence, findings, remediation, outcome."""
