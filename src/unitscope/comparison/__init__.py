"""Two or more sources over one corpus, side by side: what they share, unit by unit and as a whole."""
