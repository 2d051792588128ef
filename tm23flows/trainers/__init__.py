"""How a dataset becomes a model, and a model becomes predictions."""
