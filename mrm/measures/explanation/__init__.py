"""Why a model gives the output it gives: attributions, proof that they hold, and what is read from them.

`shapley` computes, in the confined process only. Everything else works on what it computed, or on
a scoring function that is given in.
"""
