"""How a model answers to what it may meet: noise, shifts, gaps, extremes, and someone who wants another answer.

The model is a callable from a frame of features to scores, one for each row; where and how it runs
is the caller's matter.
"""
