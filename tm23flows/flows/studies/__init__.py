"""The Makers of the studies, one module per kind."""
