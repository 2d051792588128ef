"""Running the house: doctor, progress, the demo."""
