"""A register that is written once: the roles of bayou.paxos with a transport and a disk of one's own.

    python3 paxos_register.py ID STATE_FILE PORT,PORT,... [VALUE]

Nodes 0, 1 and 2 are acceptors, each at its port of this machine; a node with a VALUE is a proposer instead,
which prints what was chosen: let the two others run. Datagrams may be lost, processes killed and started
again: one value is chosen.
"""

import os
import pickle
import random
import socket
import sys
from pathlib import Path

from bayou.paxos import Acceptor, Effects, Proposer

me, disk, value = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[4] if len(sys.argv) > 4 else None
places = [("127.0.0.1", int(port)) for port in sys.argv[3].split(",")]
records = pickle.loads(disk.read_bytes()) if disk.exists() else []
proposer, acceptor = Proposer(me, range(3), records), Acceptor(me, records=records)
effects = proposer.propose(value) if value else Effects()
folder = os.open(disk.parent, os.O_RDONLY)
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.bind(places[me])

while proposer.value is None:
    if effects.durable:  # is on the disk before anybody hears of it
        records += effects.durable
        with open(f"{disk}.new", "wb") as file:
            file.write(pickle.dumps(records))
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{disk}.new", disk)
        os.fsync(folder)
    for to, message in effects.sends:
        wire.sendto(pickle.dumps((me, message)), places[to])
    wire.settimeout(random.uniform(0.05, 0.15) if value else None)
    try:
        sender, message = pickle.loads(wire.recv(65536))
        effects = (proposer if value else acceptor).receive(sender, message)
    except TimeoutError:  # ask again, or try a higher ballot where another proposer came in between
        effects = proposer.resend() if proposer.is_live else proposer.prepare()
print(proposer.value)
