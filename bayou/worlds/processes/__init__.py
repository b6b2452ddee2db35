"""The process world: a process for each server and client, forked from a warm parent, over TCP on loopback.

- ``world``: the master's side;
- ``warm``: the warm parent, which forks the nodes and ends them all when the master is gone;
- ``host``: what runs in a node's process, around its state machine;
- ``control``: what the master and a node's process say to each other beside the node's own orders.
"""
