"""Who people are: persons, their accounts, business units, roles granted per unit, tokens."""
