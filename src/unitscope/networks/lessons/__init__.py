"""Training tasks: the data of each update, the loss, and the scores of a network."""
