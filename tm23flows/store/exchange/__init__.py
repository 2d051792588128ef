"""Labels in files of other formats, out and in."""
