"""The example programs that make general writes: people who are offline and do the same thing, what each of
them is told before and after they meet, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import bayou
from tests.laptops import SYNC, Laptop, Serving, joined
from tests.serving import Servers

DAY = "2026-12-07"
MAY, FINAL = "This may still change.", "This is final."

pytestmark = pytest.mark.processes


# Meeting rooms.


def test_two_people_book_one_hour_and_meet_at_a_server(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "rooms", servers[0], "ann", "bob")
        servers[0].stop()
        assert bob("book", "Bob", "Oak", DAY, "10", "11") == [f"Bob, you have Oak on {DAY} at 10:00. {MAY}"]
        assert ann("book", "Ann", "Oak", DAY, "10", "11") == [f"Ann, you have Oak on {DAY} at 10:00. {MAY}"]
        assert (ann("list"), bob("list")) == ([f"* Oak {DAY} 10:00 Ann"], [f"* Oak {DAY} 10:00 Bob"])
        assert "is there a network?" in ann.fails(*SYNC)
        servers[0].start()
        # Bob has booked first, and Ann is first at the server: that counts.
        assert ann.sync() == [f"Ann, you have Oak on {DAY} at 10:00. {FINAL}"]
        assert bob("mine") == [f"Bob, you have Oak on {DAY} at 10:00. {MAY}"]
        moved = f"Bob, your meeting in Oak on {DAY} moved to 11:00, because Ann had 10:00 first. {FINAL}"
        assert bob.sync() == [moved]
        assert (ann.sync(), bob.sync()) == ([], [])
        assert ann("list") == bob("list") == [f"  Oak {DAY} 10:00 Ann", f"  Oak {DAY} 11:00 Bob"]
        assert ann("mine") == bob("mine") == ["All that was written here is final."]


def test_what_may_still_change_changes_twice(tmp_path: Path) -> None:
    """Directly between laptops, and by a third one, before the primary settles it."""
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob, cy = joined(tmp_path, "rooms", servers[0], "ann", "bob", "cy")
        servers[0].stop()
        for each, name in ((ann, "Ann"), (bob, "Bob"), (cy, "Cy")):
            each("book", name, "Oak", DAY, "9", "10", "11")
        # Cy and Bob meet, while Ann is away: Bob has booked earlier.
        with Serving(bob) as address:
            (told,) = cy.sync(address)
            assert (
                told == f"Cy, your meeting in Oak on {DAY} moved to 10:00, because Bob had 09:00 first. {MAY}"
            )
        assert bob("list") == cy("list") == [f"* Oak {DAY} 09:00 Bob", f"* Oak {DAY} 10:00 Cy"]
        # Cy meets Ann, who was earlier than both. That moves Bob too, who hears of it from Cy.
        with Serving(ann) as address:
            (told,) = cy.sync(address)
            assert told.endswith(f"moved to 11:00, because Ann had 09:00 and Bob had 10:00 first. {MAY}")
        with Serving(cy) as address:
            (told,) = bob.sync(address)
            assert told.endswith(f"moved to 10:00, because Ann had 09:00 first. {MAY}")
            assert bob.sync(address) == []  # no news
        # Meanwhile Dan, whom nobody has met, has been at the server.
        servers[0].start()
        (dan,) = joined(tmp_path, "rooms", servers[0], "dan")
        dan("book", "Dan", "Oak", DAY, "9")
        assert dan.sync() == [f"Dan, you have Oak on {DAY} at 09:00. {FINAL}"]
        (told,) = bob.sync(servers[0].address)
        assert told == (
            f"Bob, your meeting in Oak on {DAY} moved to 11:00, "
            f"because Dan had 09:00 and Ann had 10:00 first. {FINAL}"
        )
        (told,) = ann.sync(servers[0].address)
        assert told.endswith(f"moved to 10:00, because Dan had 09:00 first. {FINAL}")
        (told,) = cy.sync(servers[0].address, status=3)
        assert told == (
            f"Cy, nothing is booked in Oak on {DAY}: "
            f"Dan has 09:00 and Ann has 10:00 and Bob has 11:00. {FINAL}"
        )
        problem = f"1  Cy wants Oak on {DAY}, 09:00 or 10:00 or 11:00"
        ann.sync(servers[0].address)
        assert ann("problems") == cy("problems") == [problem]
        # Anybody may dismiss it, and then it is gone for everybody.
        assert ann("dismiss", "1") == []
        ann.sync(servers[0].address)
        cy.sync(servers[0].address)
        assert ann("problems") == cy("problems") == ["No problems."]


def test_a_cancellation_finds_the_meeting_where_it_has_moved(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "rooms", servers[0], "ann", "bob")
        bob("book", "Bob", "Oak", DAY, "10", "11")
        assert bob("cancel", "Bob", "Oak", DAY, "10:00") == [
            f"Bob, your meeting in Oak on {DAY} is cancelled. {MAY}"
        ]
        assert bob("list") == ["Nothing is booked."]
        ann("book", "Ann", "Oak", DAY, "10")
        ann.sync()
        assert bob.sync() == [f"Bob, your meeting in Oak on {DAY} is cancelled. {FINAL}"]
        assert bob("list") == [f"  Oak {DAY} 10:00 Ann"]
        assert bob("problems") == ["No problems."]
        assert "Ann has Oak at 10:00, not Bob" in bob.fails("cancel", "Bob", "Oak", DAY, "10")
        assert f"nobody has Oak on {DAY} at 11:00" in bob.fails("cancel", "Bob", "Oak", DAY, "11")
        # Somebody else cancels what is not final where it was booked.
        servers[0].stop()
        ann("book", "Eve", "Elm", DAY, "9")
        with Serving(ann) as address:
            bob.sync(address)
        bob("cancel", "Eve", "Elm", DAY, "9")
        with Serving(bob) as address:
            (told,) = ann.sync(address)
        assert told == f"Eve, your meeting in Elm on {DAY} was booked, and has been cancelled since. {MAY}"


def test_what_rooms_refuse(tmp_path: Path) -> None:
    rooms = Laptop(tmp_path / "one", "rooms")
    rooms("new")
    assert "'25' is no hour" in rooms.fails("book", "Ann", "Oak", DAY, "25")
    assert "'10:00:00' is no hour" in rooms.fails("book", "Ann", "Oak", DAY, "10:00:00")
    assert "'monday' is no day" in rooms.fails("book", "Ann", "Oak", "monday", "10")
    assert "'Oak/2' is no name of a room" in rooms.fails("book", "Ann", "Oak/2", DAY, "10")
    assert "no name of a room" in rooms.fails("book", "Ann", "", DAY, "10")
    assert "1024" in rooms.fails("book", "Ann", "O" * 1100, DAY, "10")
    assert "alternatives" in rooms.fails(
        "book", "Ann", "Oak", DAY, *[f"{at // 60}:{at % 60}" for at in range(65)]
    )
    # The only server is the primary: all is final at once. Hours are in order, and one named twice is one.
    assert rooms("book", "Ann", "Oak", DAY, "9", "09:00") == [f"Ann, you have Oak on {DAY} at 09:00. {FINAL}"]
    assert rooms("book", "Bob", "Oak", DAY, "9:00", "8")[0].startswith("Bob, your meeting")
    assert rooms("list", "Oak", DAY) == [f"  Oak {DAY} 08:00 Bob", f"  Oak {DAY} 09:00 Ann"]
    assert rooms("list", "Oak", "2026-12-08") == rooms("list", "Elm") == ["Nothing is booked."]
    assert "Ann has 09:00: name another hour" in rooms.fails("book", "Cy", "Oak", DAY, "9")
    assert "Ann has 09:00: name another hour" in rooms.fails("book", "Cy", "oak", DAY, "9")
    assert rooms("list", "OAK", DAY) == rooms("list")


# The bibliography.


def test_a_key_that_clashes_and_a_paper_that_is_entered_twice(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "bibliography", servers[0], "ann", "bob")
        assert ann("add", "T", "Bayou") == [f'"Bayou" is entered as T. {MAY}']
        assert ann("add", "U", "bayou!") == [f'"bayou!" was there already, as T: it is entered once. {MAY}']
        assert bob("add", "T", "Leases") == [f'"Leases" is entered as T. {MAY}']
        assert bob("add", "B", "BAYOU") == [f'"BAYOU" is entered as B. {MAY}']
        # They meet directly, with no server about: Ann was earlier.
        servers[0].stop()
        with Serving(ann) as address:
            assert bob.sync(address) == [
                f'"Leases" is entered as T-2, because "Bayou" was T first. {MAY}',
                f'"BAYOU" was there already, as T: it is entered once. {MAY}',
            ]
        assert ann("list") == bob("list") == ["* T: Bayou", "* T-2: Leases"]
        # The server has heard of neither, and of another paper.
        servers[0].start()
        (cy,) = joined(tmp_path, "bibliography", servers[0], "cy")
        cy("add", "T", "Leases")
        cy.sync()
        assert bob.sync(servers[0].address) == [
            f'"Leases" was there already, as T: it is entered once. {FINAL}',
            f'"BAYOU" was there already, as T-2: it is entered once. {FINAL}',
        ]
        assert ann.sync(servers[0].address) == [
            f'"Bayou" is entered as T-2, because "Leases" was T first. {FINAL}',
            f'"bayou!" was there already, as T-2: it is entered once. {FINAL}',
        ]
        assert ann("list") == bob("list") == ["  T: Leases", "  T-2: Bayou"]
        # It is removed at two places, which is no problem.
        for each in (ann, bob):
            assert each("remove", "T") == [f'"Leases" is removed. {MAY}']
        for each in (ann, bob, ann):
            each.sync(servers[0].address)
        assert ann("list") == ["  T-2: Bayou"]
        assert ann("problems") == ["No problems."]


def test_what_a_bibliography_refuses(tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one", "bibliography")
    one("new")
    assert "'...' is no title" in one.fails("add", "K", "...")
    assert "'a/b' is no key" in one.fails("add", "a/b", "Bayou")
    assert "no paper is called 'K'" in one.fails("remove", "K")
    one("add", "K", "  The \t Title ", "--by", "Ann", "--year", "1995")
    assert one("list") == ["  K: The Title (Ann, 1995)"]
    assert one("list", "ann", "TITLE") == ["  K: The Title (Ann, 1995)"]
    assert one("list", "bob") == ["No papers."]
    with bayou.open(one.folder / "bibliography.bayou") as db:
        for number in range(2, 100):
            db["papers"][f"K-{number}"] = number
    assert one("add", "K", "Another", status=3) == [
        f'"Another" is not entered: 99 papers are called K; choose another key. {FINAL}'
    ]
    assert one("problems") == ["1  K: Another"]


# The stock.


def test_the_stock_never_goes_below_zero(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        tills = joined(tmp_path, "stock", servers[0], "a", "b", "c")
        tills[0]("deliver", "tea", "5")
        for each in tills:
            each.sync()
            assert each("list") == ["  5 tea"]
        for each in tills:  # each sells what there is, as far as it knows
            assert each("sell", "tea", "4", "--to", each.folder.name) == [
                f"4 tea sold to {each.folder.name}. {MAY}"
            ]
            assert "only 1 tea left: nothing is sold" in each.fails("sell", "tea", "2")
        # A delivery that only one of them has heard of comes before the next sale at that till.
        assert tills[2]("deliver", "tea", "4") == [f"4 tea delivered. {MAY}"]
        assert tills[2]("sell", "tea", "5") == [f"5 tea sold. {MAY}"]
        assert tills[0].sync() == [f"4 tea sold to a. {FINAL}"]
        assert tills[1].sync(status=3) == [f"4 tea NOT sold to b: only 1 left. {FINAL}"]
        assert tills[2].sync(status=3) == [
            f"4 tea NOT sold to c: only 0 left. {FINAL}",
            f"4 tea delivered. {FINAL}",
            f"5 tea sold. {FINAL}",
        ]
        for each in tills:
            each.sync()
            assert each("list") == ["  0 tea"]
            assert [line.split(": ")[1] for line in each("problems")] == ["4 tea to b", "4 tea to c"]
        assert "only 0 tea left" in tills[1].fails("retry", "1")
        assert tills[1]("dismiss", "1") == []
        tills[1]("deliver", "tea", "6")
        assert tills[1]("retry", "1") == [f"4 tea sold to c. {MAY}"]
        assert tills[1].sync()[-1] == f"4 tea sold to c. {FINAL}"
        assert tills[1]("list") == ["  2 tea"]
        assert tills[1]("problems") == ["No problems."]


def test_what_a_stock_refuses(tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one", "stock")
    one("new")
    assert "only 0 tea left" in one.fails("sell", "tea", "1")
    assert "-1 is no number of things" in one.fails("sell", "tea", "-1")
    assert "0 is no number of things" in one.fails("deliver", "tea", "0")
    assert "invalid int" in one.fails("deliver", "tea", "x", status=2)
    assert "no name of a thing" in one.fails("deliver", "", "1")
    with bayou.open(one.folder / "stock.bayou") as db:
        db["stock"]["tea"] = "much"
        db.write(bayou.Write("other").set("stock", "a", 1).if_present("stock", "a"))
    assert "nothing is sold" in one.fails("sell", "tea", "1")
    assert one("deliver", "tea", "1", status=3) == [f"1 tea can not be counted. {FINAL}"]
    assert one("list") == ["Nothing was ever in stock."]
    assert one("deliver", "Tea bags", "2") == [f"2 tea bags delivered. {FINAL}"]
    assert one("sell", "tea BAGS", "1") == [f"1 tea bags sold. {FINAL}"]
    assert one("list") == ["  1 tea bags"]
    assert "problem 1 is no sale" in one.fails("retry", "1")
    assert "there is no problem 3" in one.fails("retry", "3")


# The to-do list.


def test_two_changes_of_one_entry_are_both_kept(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "todo", servers[0], "ann", "bob")
        assert ann("add", "Buy", "milk") == [f'buy-milk is "Buy milk". {MAY}']
        for each in (ann, bob):
            each.sync()
        ann("edit", "buy-milk", "Buy", "oat", "milk")
        bob("edit", "buy-milk", "Buy soya milk")
        ann("add", "Call Cy")
        bob("add", "Call Cy")
        for each in (ann, bob):
            assert len(each("list")) == 2
        servers[0].stop()
        with Serving(ann) as address:
            assert bob.sync(address) == [
                f'both are kept: buy-milk is "Buy oat milk", and yours is buy-milk-2, "Buy soya milk". {MAY}',
                f'both are kept: call-cy is "Call Cy", and yours is call-cy-2, "Call Cy". {MAY}',
            ]
        assert (
            ann("list")
            == bob("list")
            == [
                "* [ ] buy-milk: Buy oat milk",
                "* [ ] buy-milk-2: Buy soya milk",
                "* [ ] call-cy: Call Cy",
                "* [ ] call-cy-2: Call Cy",
            ]
        )
        servers[0].start()
        bob.sync(servers[0].address)
        ann.sync(servers[0].address)
        assert ann("list") == bob("list")
        assert ann("list")[0] == "  [ ] buy-milk: Buy oat milk"
        assert ann("mine") == bob("mine") == ["All that was written here is final."]


def test_a_change_follows_its_entry_to_another_name(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "todo", servers[0], "ann", "bob")
        ann("add", "Buy", "milk")
        for words in (
            ("add", "Buy milk"),
            ("edit", "buy-milk", "Buy cheese"),
            ("edit", "buy-milk", "Buy ham"),
        ):
            bob(*words)
        bob("tick", "buy-milk")
        bob("add", "Buy milk!")  # which is buy-milk-2 here
        bob("delete", "buy-milk-2")
        ann.sync()
        assert bob.sync() == [
            f'both are kept: buy-milk is "Buy milk", and yours is buy-milk-2, "Buy milk". {FINAL}',
            f'buy-milk-2 is "Buy cheese". {FINAL}',
            f'buy-milk-2 is "Buy ham". {FINAL}',
            f"buy-milk-2 is ticked off. {FINAL}",
            f'both are kept: buy-milk is "Buy milk", and yours is buy-milk-3, "Buy milk!". {FINAL}',
            f"buy-milk-3 is deleted. {FINAL}",
        ]
        assert bob("list") == ["  [ ] buy-milk: Buy milk", "  [x] buy-milk-2: Buy ham"]


def test_who_ticks_off_or_deletes_means_what_he_has_read(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "todo", servers[0], "ann", "bob")
        for text in ("milk", "tea", "salt", "rice"):
            ann("add", text)
        for each in (ann, bob):
            each.sync()
        ann("edit", "milk", "oat", "milk")
        ann("edit", "tea", "green tea")
        ann("delete", "salt")
        ann("delete", "rice")
        bob("tick", "milk")
        bob("delete", "tea")
        bob("edit", "salt", "sea salt")
        bob("tick", "rice")
        ann.sync()
        assert bob.sync() == [
            f'milk is not ticked off: somebody has changed it to "oat milk". {FINAL}',
            f'tea stays: somebody has changed it to "green tea". {FINAL}',
            f'salt is "sea salt": it is back, somebody had deleted it. {FINAL}',
            f"rice is not ticked off: somebody has deleted it. {FINAL}",
        ]
        ann.sync()
        assert (
            ann("list")
            == bob("list")
            == ["  [ ] milk: oat milk", "  [ ] salt: sea salt", "  [ ] tea: green tea"]
        )
        assert bob("problems") == ["No problems."]


def test_what_a_to_do_list_refuses(tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one", "todo")
    one("new")
    assert one("list") == ["Nothing is on the list."]
    assert "no entry is called 'milk'" in one.fails("tick", "milk")
    assert "an entry has a text" in one.fails("add", " ")
    assert one("add", "!") == [f'entry is "!". {FINAL}']
    assert one("add", "x" * 40)[0].startswith("x" * 24 + " is ")
    assert one("add", "Caf\u00e9 at nine o'clock sharp") == [
        f'caf\u00e9-at-nine-o-clock is "Caf\u00e9 at nine o\'clock sharp". {FINAL}'
    ]
    one("tick", "entry")
    assert one("list")[1] == "  [x] entry: !"
