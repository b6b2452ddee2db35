"""A stock that is sold from at several tills, which may all be offline, and that must not go below zero.

    python3 stock.py join 192.0.2.1:7474 --secret-file hub.bayou-secret
    python3 stock.py deliver tea 10
    python3 stock.py sell tea 3 --to Ann
    python3 stock.py list
    python3 stock.py sync

Sales and deliveries are additions, so they add up in whatever order they become known. A sale also checks
that there is enough: while tills are apart each of them looks at what it knows, and all may sell the last
one. When they meet, the sale for which nothing is left by then is undone, and stands among the problems;
whoever took it tells the customer, and either drops it (`dismiss`) or makes it after the next delivery
(`retry`).
"""

from __future__ import annotations

import argparse
import secrets
import sys

import bayou

from common import App, Commands, Complaint, Facts, mark, name_of, one_line, problem, word

STOCK, SALES = "stock", "sales"
MANY = 10**12


def sale(facts: Facts) -> bayou.Write:
    """Return the write that sells, where there is enough. The row of the sale lets it be counted once: it may
    be tried again at two tills at the same time."""
    item, number, id = facts["item"], facts["number"], facts["id"]
    sold = {name: facts[name] for name in ("item", "number", "to")}
    return (
        bayou.Write(name_of(f"sale {id}: {number} {item}{to(facts)}"))
        .add(STOCK, item, -number)
        .set(SALES, id, sold)
        .if_absent(SALES, id)
        .if_meets(STOCK, item, (".", ">=", number))
        .otherwise()
        .if_present(SALES, id)
    )


def delivery(facts: Facts) -> bayou.Write:
    """Return the write that counts a delivery: it fits unless somebody has put something else there."""
    item, number = facts["item"], facts["number"]
    return bayou.Write(name_of(f"{number} {item} delivered")).add(STOCK, item, number)


def to(facts: Facts) -> str:
    return f" to {facts['to']}" if facts["to"] else ""


def tells(db: bayou.Replica, facts: Facts, outcome: bayou.Outcome) -> str:
    """Say what has come of a sale or a delivery."""
    what = f"{facts['number']} {facts['item']}"
    if facts.get("is_delivery"):
        return f"{what} {'can not be counted' if outcome.result == 'conflict' else 'delivered'}"
    if outcome.result == "conflict":
        return f"{what} NOT sold{to(facts)}: only {db[STOCK].get(facts['item'], 0)} left"
    return f"{what} sold{to(facts)}"


def item_of(options: argparse.Namespace) -> str:
    return word(options.item, "name of a thing").casefold()  # Tea and tea are one thing


def number_of(options: argparse.Namespace) -> int:
    if not 1 <= options.number <= MANY:
        raise Complaint(f"{options.number} is no number of things: 1 or more is due")
    number: int = options.number
    return number


def deliver(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = {
        "id": secrets.token_hex(4),
        "item": item_of(options),
        "number": number_of(options),
        "is_delivery": True,
    }
    return COMMANDS.make(db, delivery(facts), facts)


def sell(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = {
        "id": secrets.token_hex(4),
        "item": item_of(options),
        "number": number_of(options),
        "to": options.to,
    }
    check(db, facts)
    return COMMANDS.make(db, sale(facts), facts)


def check(db: bayou.Replica, facts: Facts) -> None:
    """What is known not to fit need not be written: the customer is still here."""
    left = db[STOCK].get(facts["item"], 0)
    if not isinstance(left, int) or left < facts["number"]:
        raise Complaint(f"only {left} {facts['item']} left: nothing is sold")


def retry(db: bayou.Replica, options: argparse.Namespace) -> int:
    """Make a sale again that did not fit, and take the problem off the list."""
    conflict = problem(db, options.number)
    match conflict.body["do"]:
        case [["add", "stock", str(item), int(number)], ["set", "sales", str(id), {"to": str(customer)}]]:
            facts = {"id": id, "item": item, "number": -number, "to": customer}
        case _:
            raise Complaint(f"problem {options.number} is no sale")
    check(db, facts)
    status = COMMANDS.make(db, bayou.Write.of(conflict.body), facts)
    db.resolve(conflict)
    return status


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    rows = [row for row in db[STOCK].scan() if isinstance(row.value, int)]
    for row in rows:
        print(mark(row), one_line(f"{row.value} {row.key}", 100))
    if not rows:
        print("Nothing was ever in stock.")


COMMANDS = Commands(App("stock", "Sell from a stock at several tills, offline too.", tells))


def main() -> int:
    own = COMMANDS.verb(sell, "sell", "sell things, if there are enough")
    own.add_argument("item")
    own.add_argument("number", type=int)
    own.add_argument("--to", default="", metavar="WHO", help="the customer, to be told if it did not fit")
    own = COMMANDS.verb(deliver, "deliver", "count things that have come in")
    own.add_argument("item")
    own.add_argument("number", type=int)
    COMMANDS.verb(listed, "list", "list what there is")
    own = COMMANDS.verb(retry, "retry", "make a sale again that did not fit")
    own.add_argument("number", type=int, help="as `problems` has it")
    return COMMANDS.run()


if __name__ == "__main__":
    sys.exit(main())
