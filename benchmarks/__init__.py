"""What things cost: ``python -m benchmarks`` prints a table."""
