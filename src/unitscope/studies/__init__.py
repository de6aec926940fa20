"""Published studies, end to end: each writes a page and its checks."""
