"""The options of a batch job: numbers in range, none that contradict each other."""

import re

import pytest

from trifuse.batch.job_options import OptionsError, PredictionOptions
from trifuse.batch.outputs.formats import find_formats
from trifuse.batch.plan import choose_top


def test_top_is_three_or_all_classes():
    for n_classes, labels in ((2, 2), (3, 3), (7, 3)):
        assert choose_top(None, n_classes) == labels
    assert choose_top(7, 7) == 7


@pytest.mark.parametrize("name", ["jobs", "top", "max_pixels", "memory"])
@pytest.mark.parametrize("number", [0, -1])
def test_options_out_of_range(name, number):
    with pytest.raises(OptionsError, match=rf"^{name} is {number}; it must be at least 1\.$"):
        PredictionOptions("m", "o", **{name: number})


@pytest.mark.parametrize("timeout", [0, -1.5, float("nan")])
def test_a_timeout_that_is_none(timeout):
    with pytest.raises(OptionsError, match=rf"^timeout is {timeout:g}; it must be more than 0\.$"):
        PredictionOptions("m", "o", timeout=timeout)


@pytest.mark.parametrize(
    ("name", "number", "most"),
    [
        ("timeout", float("inf"), "86,400"), ("timeout", 1e12, "86,400"),
        ("memory", 10**30, "16,777,216"), ("jobs", 10**9, "1,024"),
        ("max_pixels", 10**30, "10,000,000,000"),
    ],
)  # fmt: skip
def test_options_beyond_all_bounds(name, number, most):
    message = rf"^{name} is .*; it must be at most {re.escape(most)}\.$"
    with pytest.raises(OptionsError, match=message):
        PredictionOptions("m", "o", **{name: number})


@pytest.mark.parametrize("output", ["o.xlsx", "o.xls", "o.txt", "o.csv.gz"])
def test_a_suffix_of_no_format(output):
    ends = rf"{re.escape('.csv, .jsonl')}(, \.\w+)* or \.\w+"
    names = re.escape("|".join(find_formats()))
    message = (
        rf"^the suffix of {output} names no format; end it in {ends}, or say --format {names}\.$"
    )
    with pytest.raises(OptionsError, match=message):
        PredictionOptions("m", output)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True, "overwrite": True}, "--resume goes on and --overwrite begins anew."),
        ({"resume": True, "output": "-"}, "standard output cannot be resumed."),
        ({"backend": "dask"}, "--backend dask needs --scheduler."),
        ({"scheduler": "tcp://x:1"}, "--scheduler needs --backend dask."),
        ({"id": "hmac"}, "--id hmac needs --id-key."),
        ({"id_key": "key"}, "--id-key needs --id hmac."),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(OptionsError) as error:
        PredictionOptions(**{"model": "m", "output": "o", **options})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("output", "asked", "chosen"),
    [
        ("-", None, "csv"), ("o.csv", None, "csv"), ("o.txt", "csv", "csv"),
        ("o.JSONL", None, "jsonl"), ("o.parquet", None, "parquet"), ("o.jsonl", "csv", "csv"),
    ],
)  # fmt: skip
def test_the_format_is_that_of_the_suffix(output, asked, chosen):
    assert PredictionOptions("m", output, format=asked).chosen_format == chosen
