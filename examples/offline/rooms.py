"""Meeting rooms, booked by people who are offline: the scheduler of Terry and others (1995), in small.

    python3 rooms.py join 192.0.2.1:7474 --secret-file hub.bayou-secret
    python3 rooms.py book Ann Oak 2026-12-07 10:00 11:00 --for planning
    python3 rooms.py list
    python3 rooms.py sync

Whoever books names the hours that would do, the best first. A booking is one general write: for each hour
it has an alternative that takes the hour if it is free. While two people are offline both may get the same
hour; when their replicas meet the order of all writes decides, at each of them alike, and the one who comes
later moves to the next hour that he has named. Where none is left, nothing is booked, and he is told.
"""

from __future__ import annotations

import argparse
import datetime
import secrets
import sys
import time

import bayou

from common import App, Commands, Complaint, Facts, mark, name_of, one_line, word

ROOMS = "rooms"


def booking(facts: Facts) -> bayou.Write:
    """Return the write that takes the first hour that is free. The row says who has it, and which hours would
    have done: whoever cancels it has to know where it may be."""
    write = bayou.Write(name_of(f"{facts['who']} wants {facts['room']} on {facts['day']}, {either(facts)}"))
    for number, hour in enumerate(facts["hours"]):
        key = key_of(facts, hour)
        write = (write.otherwise() if number else write).set(ROOMS, key, facts).if_absent(ROOMS, key)
    return write


def cancelling(facts: Facts) -> bayou.Write:
    """Return the write that takes a booking away, at whichever of its hours it is by then."""
    write = bayou.Write(name_of(f"{facts['who']} cancels {facts['room']} on {facts['day']}, {either(facts)}"))
    for hour in facts["hours"]:
        key = key_of(facts, hour)
        write = write.delete(ROOMS, key).if_meets(ROOMS, key, ("id", "=", facts["id"])).otherwise()
    return write  # the last alternative: it is gone already, and nothing is to be done


def key_of(facts: Facts, hour: str) -> str:
    return f"{facts['room'].casefold()}/{facts['day']}/{hour}"  # Oak and oak are one room


def either(facts: Facts) -> str:
    return " or ".join(facts["hours"])


def tells(db: bayou.Replica, facts: Facts, outcome: bayou.Outcome) -> str:
    """Say what has come of a booking, or of cancelling one."""
    who, where = facts["who"], f"{facts['room']} on {facts['day']}"
    if facts.get("is_cancelled"):
        return f"{who}, your meeting in {where} is cancelled"
    if outcome.result == "conflict":
        return f"{who}, nothing is booked in {where}: {taken(db, facts, facts['hours'], 'has')}"
    at = next((hour for hour in facts["hours"] if is_there(db, facts, hour)), None)
    if at is None:
        return f"{who}, your meeting in {where} was booked, and has been cancelled since"
    if at == facts["hours"][0]:
        return f"{who}, you have {where} at {at}"
    before = facts["hours"][: facts["hours"].index(at)]
    return f"{who}, your meeting in {where} moved to {at}, because {taken(db, facts, before, 'had')} first"


def is_there(db: bayou.Replica, facts: Facts, hour: str) -> bool:
    row = db[ROOMS].row(key_of(facts, hour))
    return row is not None and is_booking(row) and row.value["id"] == facts["id"]


def taken(db: bayou.Replica, facts: Facts, hours: list[str], has: str) -> str:
    """Say who has these hours; somebody may have cancelled since."""
    rows = [(hour, db[ROOMS].row(key_of(facts, hour))) for hour in hours]
    return " and ".join(
        f"{row.value['who']} {has} {hour}" if row and is_booking(row) else f"somebody had {hour}"
        for hour, row in rows
    )


def is_booking(row: bayou.Row) -> bool:
    """Whether a row is one of ours: other programs may write to the same store."""
    match row.value:
        case {"id": str(), "who": str(), "for": str(), "room": str(), "day": str(), "hours": [*hours]}:
            return row.key.count("/") == 2 and all(isinstance(hour, str) for hour in hours)
    return False


def hour_of(text: str) -> str:
    """Return an hour as it stands in keys, 09:00: so they are in order."""
    try:
        return time.strftime("%H:%M", time.strptime(text if ":" in text else f"{text}:00", "%H:%M"))
    except ValueError:
        raise Complaint(f"{text!r} is no hour, as 9 or 13:30 are") from None


def day_of(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise Complaint(f"{text!r} is no day, as 2026-12-07 is") from None


def book(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = {
        "id": secrets.token_hex(4),
        "who": options.who,
        "for": options.purpose,
        "room": word(options.room, "name of a room"),
        "day": day_of(options.day),
        "hours": list(dict.fromkeys(map(hour_of, options.hours))),
    }
    if all(key_of(facts, hour) in db[ROOMS] for hour in facts["hours"]):  # as far as is known here
        raise Complaint(f"{one_line(taken(db, facts, facts['hours'], 'has'), 200)}: name another hour")
    return COMMANDS.make(db, booking(facts), facts)


def cancel(db: bayou.Replica, options: argparse.Namespace) -> int:
    at = {"room": options.room, "day": day_of(options.day)}
    hour = hour_of(options.hour)
    row = db[ROOMS].row(key_of(at, hour))
    if row is None or not is_booking(row):
        raise Complaint(f"nobody has {options.room} on {at['day']} at {hour}")
    if row.value["who"] != options.who:
        raise Complaint(f"{one_line(row.value['who'], 60)} has {options.room} at {hour}, not {options.who}")
    return COMMANDS.make(db, cancelling(row.value), {**row.value, "is_cancelled": True})


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    day = None if options.day is None else day_of(options.day)
    prefix = "" if options.room is None else f"{options.room.casefold()}/"
    rows = [row for row in db[ROOMS].scan(prefix) if is_booking(row) and day in (None, row.value["day"])]
    for row in rows:
        booked, hour = row.value, row.key.rpartition("/")[2]
        what = f" ({booked['for']})" if booked["for"] else ""
        print(mark(row), one_line(f"{booked['room']} {booked['day']} {hour} {booked['who']}{what}", 100))
    if not rows:
        print("Nothing is booked.")


COMMANDS = Commands(App("rooms", "Book meeting rooms, offline too.", tells))


def main() -> int:
    own = COMMANDS.verb(book, "book", "book a room at the first of these hours that is free")
    own.add_argument("who", help="who books")
    own.add_argument("room")
    own.add_argument("day", help="as 2026-12-07")
    own.add_argument("hours", nargs="+", metavar="hour", help="as 10 or 10:30; the best one first")
    own.add_argument("--for", dest="purpose", default="", metavar="TEXT", help="what for")
    own = COMMANDS.verb(cancel, "cancel", "cancel a booking, wherever it may move meanwhile")
    for name in ("who", "room", "day", "hour"):
        own.add_argument(name)
    own = COMMANDS.verb(listed, "list", "list who has which room, and when")
    own.add_argument("room", nargs="?")
    own.add_argument("day", nargs="?")
    return COMMANDS.run()


if __name__ == "__main__":
    sys.exit(main())
