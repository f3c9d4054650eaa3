"""Whether a model is built soundly: its columns, its coefficients, and how it holds on data it has not seen."""
