"""The benchmark of models: tables and figures from stored predictions alone."""
