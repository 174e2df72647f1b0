"""The options of a batch job: numbers in range, none that contradict each other."""

import pytest

from trifuse.batch.options import OptionsError, PredictionOptions
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
        ("-", None, "csv"), ("o.csv", None, "csv"), ("o.txt", None, "csv"),
        ("o.JSONL", None, "jsonl"), ("o.parquet", None, "parquet"), ("o.jsonl", "csv", "csv"),
    ],
)  # fmt: skip
def test_the_format_is_that_of_the_suffix(output, asked, chosen):
    assert PredictionOptions("m", output, format=asked).chosen_format == chosen
