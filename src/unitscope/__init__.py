"""A microscope for the single units of neural sequence models."""

__version__ = "0.1.0"
