"""Tables keep their columns under each other."""

import pytest

from trifuse.classifiers.text_tables import markdown_table, plain_table


def test_plain_table_of_no_rows_is_its_header():
    assert plain_table(["a", "bc"], []) == "a  bc"


def test_plain_table_leaves_no_blank_at_the_end_of_a_line():
    assert plain_table(["a", "b"], [["x", ""]]) == "a  b\nx"


def test_markdown_table_escapes_bars_and_keeps_its_rule_valid():
    assert markdown_table(["a", "b"], [["x|y", ""]]) == (
        "| a    |   b |\n| :--- | --: |\n| x\\|y |     |"
    )


@pytest.mark.parametrize("table", [plain_table, markdown_table])
def test_a_short_row_is_an_error(table):
    with pytest.raises(ValueError, match="shorter"):
        table(["a", "b"], [["x"]])
