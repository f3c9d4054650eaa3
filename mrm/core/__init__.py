"""Small bases every area stands on: the workflow table, the refusal, the actor. Knows no domain word."""
