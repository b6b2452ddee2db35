"""Runs golden scenarios: feeds each to a command and compares what it prints with a solution."""
