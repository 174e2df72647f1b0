"""What the command line can say of inputs; patterns choose by name; parts are disjoint, stable."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifuse.batch.inputs.items import InputOptions, Selection, SourceError, parse_part

NAMES = [f"photos/{number}.jpg" for number in range(500)]


def select(**options):
    return Selection(InputOptions((), **options))


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), ["a/b.jpg", "a/b.JPG", "a/old/c.png", "old/c.jpg"]),
        (("*.jpg",), (), ["a/b.jpg", "old/c.jpg"]),
        (("*.jpg", "*.png"), (), ["a/b.jpg", "a/old/c.png", "old/c.jpg"]),
        (("b.*",), (), ["a/b.jpg", "a/b.JPG"]),
        (("a/*",), (), ["a/b.jpg", "a/b.JPG", "a/old/c.png"]),
        (("a",), (), []),
        ((), ("*/old/*",), ["a/b.jpg", "a/b.JPG", "old/c.jpg"]),
        (("*.jpg",), ("c*",), ["a/b.jpg"]),
        (("[!b].jpg",), (), ["old/c.jpg"]),
    ],
)
def test_patterns(include, exclude, taken):
    names = ["a/b.jpg", "a/b.JPG", "a/old/c.png", "old/c.jpg"]
    selection = select(include=include, exclude=exclude)
    assert [name for name in names if selection.matches(name)] == taken


@pytest.mark.parametrize("name", ["a\nb.jpg", "\udcff.jpg", "a\0b.jpg", ".jpg", "x/.jpg"])
def test_patterns_take_any_name(name):
    assert select(include=("*.jpg",)).matches(name)
    assert not select(exclude=("*.jpg",)).matches(name)


def test_the_last_part_of_a_folder_is_its_name():
    assert select(include=("b",)).matches("a/b/")


@pytest.mark.parametrize("n", [1, 2, 7, 400])
def test_parts_are_disjoint_and_complete(n):
    parts = [list(filter(select(part=(i, n)).in_part, NAMES)) for i in range(1, n + 1)]
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    if n == 7:
        assert min(map(len, parts)) > len(NAMES) / n / 2


def test_a_part_does_not_depend_on_the_others():
    third = select(part=(3, 8))
    assert list(filter(third.in_part, NAMES[::3])) == [n for n in NAMES[::3] if third.in_part(n)]
    assert select(part=(3, 8), include=("*7.jpg",)).in_part("photos/7.jpg") == third.in_part(
        "photos/7.jpg"
    )


@given(st.binary(min_size=1, max_size=40), st.integers(1, 50))
def test_the_part_is_that_of_the_name_s_hash(path, n):
    name = path.decode("utf-8", "surrogateescape")
    number = int(hashlib.sha256(os.fsencode(name)).hexdigest(), 16) % n + 1
    assert [i for i in range(1, n + 1) if select(part=(i, n)).in_part(name)] == [number]


def test_half_a_pair_of_surrogates_is_in_some_part():
    assert sum(select(part=(i, 3)).in_part("\ud800") for i in (1, 2, 3)) == 1


@pytest.mark.parametrize(("text", "part"), [("1/1", (1, 1)), ("3/8", (3, 8)), ("08/10", (8, 10))])
def test_parts_are_read(text, part):
    assert parse_part(text) == part


@pytest.mark.parametrize(
    "text",
    ["", "3", "0/8", "9/8", "1/0", "-1/8", "1/8/2", " 1/8", "1/8\n", "²/8", "1/" + "9" * 5000],
)
def test_what_is_no_part(text):
    with pytest.raises(SourceError) as error:
        parse_part(text)
    assert str(error.value).endswith("; say I/N, such as 3/8, with I from 1 to N.")


@pytest.mark.parametrize("part", [(0, 1), (3, 2), (1, 0)])
def test_options_cannot_ask_for_a_part_that_is_not_there(part):
    with pytest.raises(SourceError, match=f"There is no part '{part[0]}/{part[1]}'; say I/N"):
        select(part=part)


def test_standard_input_is_read_once():
    assert InputOptions(("a", "-", "./-")).inputs == ("a", "-", "./-")
    with pytest.raises(SourceError, match=r"^Standard input can be read only once; name - once\.$"):
        InputOptions(("-", "a", "-"))
