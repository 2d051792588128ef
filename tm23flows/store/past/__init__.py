"""Where documents come from and what was made of them."""
