"""What the model loses without a unit."""
