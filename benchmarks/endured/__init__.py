"""The parts of benchmarks/endurance.py: what is done to commands, to files, and by whom."""
