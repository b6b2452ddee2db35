"""Clusters that people run by hand: their configuration, a server in a terminal, a client in another."""
