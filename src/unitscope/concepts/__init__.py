"""Concepts of units: a bank of concepts, measures of units against concepts, and questions about them."""
