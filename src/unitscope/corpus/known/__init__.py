"""Public corpora: a value ``Public`` each, in modules by what they are. A new one is one more value or module."""
