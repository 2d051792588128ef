"""Datasets: from labels in the archive to frozen, named, versioned selections of them."""
