"""What a unit stands for: a bank of concepts, measures of units against concepts, and the questions asked of them."""
