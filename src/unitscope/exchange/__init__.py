"""Activations from elsewhere as a source, and a source as arrays for others."""

from unitscope.exchange.exporting import export_arrays, to_pandas, to_xarray
from unitscope.exchange.importing import from_file
from unitscope.exchange.making import from_arrays

__all__ = ["export_arrays", "from_arrays", "from_file", "to_pandas", "to_xarray"]
