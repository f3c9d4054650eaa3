"""Whether the population is still the one the model was made on.

Edges are frozen on the reference and kept as data; every batch is counted by them in one query;
counts of batches add up; each measure is a function of two sets of counts.
"""
