"""A log of many decrees: multi-decree Paxos with one leader, members that change, snapshots and catch-up."""
