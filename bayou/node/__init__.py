"""Servers and clients as state machines over messages.

A node takes one input (a message, a change of its links, an order, a tick of time) and returns one
batch of effects. It does no I/O: whoever drives it, a process or the simulator, carries the effects out.
"""
