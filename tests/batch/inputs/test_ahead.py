"""Inputs that are listed ahead come in their order, and so does what goes wrong."""

import os
import threading
import time

import pytest

from trifuse.batch.inputs import stream
from trifuse.batch.inputs.items import Item, SourceError
from trifuse.batch.inputs.stream import ListedAhead

ITEMS = [
    Item(f"in/{n}\udcff.jpg", id=str(n), columns=("a",), ordinal=n, stamp=(n, 2**60))
    for n in range(3000)
]


def test_all_come_in_their_order_and_are_counted():
    listed = ListedAhead(iter(ITEMS))
    assert listed.total is None
    assert [item for item in listed if item] == ITEMS
    assert listed.total == 3000


def test_they_are_listed_before_they_are_asked_for():
    listed = ListedAhead(iter(ITEMS))
    items = iter(listed)
    assert next(items) == ITEMS[0]
    for _ in range(200):
        if listed.total == 3000:
            return
        time.sleep(0.02)
    pytest.fail("nobody lists")


def test_one_is_not_held_up_by_a_slow_folder(monkeypatch):
    monkeypatch.setattr(stream, "AHEAD_SECONDS", 0.01)
    go_on = threading.Event()

    def list_slowly():
        yield ITEMS[0]
        go_on.wait(10)
        yield ITEMS[1]

    items = iter(ListedAhead(list_slowly()))
    found = [next(items), next(items)]
    assert found == [ITEMS[0], None]
    go_on.set()
    assert [item for item in items if item] == [ITEMS[1]]


def test_an_error_comes_behind_the_items_before_it():
    def fail():
        yield from ITEMS[:700]
        raise SourceError("no")

    listed = ListedAhead(fail())
    items, found = iter(listed), []
    with pytest.raises(SourceError, match="no"):
        found.extend(item for item in items if item)
    assert listed.total is None


def test_nobody_lists_for_nobody():
    taken = []

    def list_for_ever():
        while True:
            taken.append(None)
            yield ITEMS[0]

    items = iter(ListedAhead(list_for_ever()))
    next(items)
    items.close()
    time.sleep(0.1)
    before = len(taken)
    time.sleep(0.1)
    assert len(taken) == before


def test_they_take_little_room():
    listed = ListedAhead(Item(f"{os.sep}archive/{n // 999}/{n:09}.jpg", ordinal=n, stamp=(n, n**3))
                         for n in range(20_000))  # fmt: skip
    items = iter(listed)
    next(items)
    while listed.total is None:
        time.sleep(0.01)
    blocks = iter(listed._blocks.get, None)
    assert sum(map(len, blocks)) < 40 * 20_000


def test_items_come_out_as_they_went_in():
    items = [
        Item(
            "\udcff/é\n.jpg",
            id="=1",
            columns=("\udc80", ""),
            ordinal=7,
            stamp=(3, 1764454021987654321),
        ),
        Item("gone", fault="there is no such file", errno=2, stamp=(-1,)),
    ]
    assert list(filter(None, ListedAhead(iter(items)))) == items
