"""Scripts that a trainer's interpreter runs; never imported by the package.

They sit in a folder of their own because Python puts the folder of a script in
front of its path, where ``flare.py`` and ``nequip.py`` would hide the libraries of
these names. Nothing here may import tm23flows.
"""
