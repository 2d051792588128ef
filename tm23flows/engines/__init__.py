"""How a frame gets its energies, forces and stress."""
