"""Makers that wire jobs into flows; ``tm23.py`` is the paper."""
