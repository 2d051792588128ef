"""What each kind of study finds: the results of a study document."""
