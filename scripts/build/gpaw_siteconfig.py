"""Build options of GPAW (read by its setup.py through GPAW_CONFIG).

Serial on purpose: tm23flows runs one process of one thread per calculation.
"""

mpi = False
compiler = "g++"
fftw = True
libraries = ["xc", "openblas", "fftw3"]
