"""Tables hold what they are given, in Markdown and in LaTeX, whatever the names."""

import re

import pytest

from trifuse.studies.result_tables import (
    ResultCell,
    ResultTable,
    escape_latex,
    to_latex,
    to_markdown,
)

TABLE = ResultTable(
    "small",
    "Of 50 % & more",
    ("method", "a_b", "p"),
    [
        ("SIFT|#1", [ResultCell("+0.5", "[-0.1, +0.6]"), ResultCell("<0.001")]),
        ("[*] {$x$}", [ResultCell("0.7", "[0.6, 0.8]", best=True), ResultCell("0.2")]),
    ],
)


def test_markdown():
    assert to_markdown(TABLE).splitlines() == [
        "Of 50 % & more",
        "",
        r"| method    |                a_b |      p |",
        r"| :-------- | -----------------: | -----: |",
        r"| SIFT\|#1  |  +0.5 [-0.1, +0.6] | <0.001 |",
        r"| [*] {$x$} | **0.7** [0.6, 0.8] |    0.2 |",
    ]


def test_latex():
    assert to_latex(TABLE).splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{Of 50 \% \& more}",
        r"\label{tab:small}",
        r"\footnotesize\setlength{\tabcolsep}{3pt}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"method & a\_b & p \\",
        r"\midrule",
        r"SIFT\textbar{}\#1 & $+$0.5 & $<$0.001 \\",
        r" & {\scriptsize [$-$0.1, $+$0.6]} &  \\",
        r"{[}{*}] \{\$x\$\} & \textbf{0.7} & 0.2 \\",
        r" & {\scriptsize [0.6, 0.8]} &  \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_no_row_begins_with_what_the_end_of_a_row_would_take_for_its_own():
    r"""LaTeX reads ``\\ [`` and ``\\*`` as a row's end with an option, and a rule's likewise."""
    text = to_latex(
        ResultTable(
            "t", "", ("[a]", "b"), [("* [x]", [ResultCell("1")]), ("[y]", [ResultCell("2")])]
        )
    )
    assert re.findall(r"(?:\\\\|rule)\s*[\[*]", text) == []


@pytest.mark.parametrize("character", [chr(code) for code in range(32, 127)])
def test_every_character_prints_as_itself(character):
    escaped = escape_latex(character)
    if character in "\\~^<>|":
        assert re.fullmatch(r"\\text[a-z]+\{\}", escaped)
    elif character in "&%$#_{}":
        assert escaped == f"\\{character}"
    else:
        assert escaped.strip("{}") == character.replace('"', "''")


def test_what_is_escaped_is_not_escaped_again():
    assert escape_latex(r"\{~}") == r"\textbackslash{}\{\textasciitilde{}\}"


def test_names_in_other_letters_stay():
    assert escape_latex("naïve Münze") == "naïve Münze"
