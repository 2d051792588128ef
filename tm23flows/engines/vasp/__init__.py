"""VASP: inputs, runs under custodian, checks, and streaming readers of what it wrote."""
