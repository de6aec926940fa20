"""What networks are trained on: what each update reads, what is minimised, and how well a network does."""
