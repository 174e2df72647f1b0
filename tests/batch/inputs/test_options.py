"""What the command line can say of the inputs."""

import pytest

from trifuse.batch.inputs.item import SourceError
from trifuse.batch.inputs.options import InputOptions


def test_standard_input_is_read_once():
    assert InputOptions(("a", "-", "./-")).inputs == ("a", "-", "./-")
    with pytest.raises(SourceError, match=r"^Standard input can be read only once; name - once\.$"):
        InputOptions(("-", "a", "-"))
