"""Benchmarks: each measures the ceiling and this program in the same run."""
