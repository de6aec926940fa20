"""Models and texts opened by the names that people give them, in Python and on the command line alike."""
