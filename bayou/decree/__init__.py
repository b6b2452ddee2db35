"""One decree by nodes with separate roles: ``bayou paxos``.

The nodes elect one of them on a ring; it hands out the roles. Clients tell a proposer what they want decided,
and learners tell them what was. Machines and messages are the same on processes of one run, simulated, and
on several hosts.
"""
