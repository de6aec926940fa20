"""Loss of the model without a unit."""
