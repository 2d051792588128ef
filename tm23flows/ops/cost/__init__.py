"""What work costs: laws fitted to measured runs, plans before and accounts after."""
