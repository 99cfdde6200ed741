"""Values are read back from a trace as they were."""

from execground_ray.verification.history import OPAQUE
from execground_ray.verification.snoop_text import parse_value


def test_a_value_is_read_however_much_of_it_is_shown():
    for value in (3, "three", [1, {"a": (2.5, None)}], tuple(range(3_000)), "x" * 50_000):
        assert parse_value(repr(value)) == value


def test_what_is_cut_or_an_object_has_no_value():
    for shown in ("[0, 1, ..., 9]", "<__main__.Node object>", "[1, 2"):
        assert parse_value(shown) is OPAQUE
