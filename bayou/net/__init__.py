"""Streams and sockets: a network of links to other nodes, which knows neither masters nor scenarios.

docs/net.md shows a machine that is driven by it.
"""
