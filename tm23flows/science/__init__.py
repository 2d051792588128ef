"""Pure functions and value types of the science; no database, no workflow, no files but its own."""
