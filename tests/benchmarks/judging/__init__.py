"""What `tests.benchmarks.judge` runs: meters, the arms of the trivial program, data sets, soak and overload."""
