"""Bringing everything back to work after workers, databases and machines died."""
