"""Banks of concepts: pieces of sentences found in a corpus, and the units that they are aligned with."""
