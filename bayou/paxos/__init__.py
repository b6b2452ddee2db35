"""Paxos as pure objects, for any transport and any disk: single decree with separate roles, and a log.

Each name is imported from its own module when it is first asked for, so that whoever wants only ``Proposer``
imports nothing else.
"""
