"""What is asked for, and how it is found, counted and streamed."""
