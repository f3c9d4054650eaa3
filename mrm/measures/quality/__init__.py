"""Whether the data are fit to be used: their columns, their rows, and what they should not know."""
