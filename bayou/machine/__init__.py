"""What every machine is made of: inputs and effects, the messages and records that all have in common.

A machine takes one input (a message, a change of its links, an order, a tick of time) and returns one batch
of effects. It does no I/O: whoever drives it, a process or the simulator, carries the effects out.
"""
