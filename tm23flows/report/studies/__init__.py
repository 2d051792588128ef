"""The pages of the studies, one module per kind."""
