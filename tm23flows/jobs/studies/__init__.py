"""The jobs of the studies, one module per kind."""
