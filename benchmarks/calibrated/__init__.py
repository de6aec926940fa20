"""What benchmarks/calibration.py measures: one corpus, network or table of a known truth at a time."""
