"""Walking syntax trees."""

import ast

from execground_ray.verification.syntax import walk

SOURCE = "def f(a, *, b=-1):\n    return [x + b for x in a if not x and a[0] < b <= 3]"


def test_the_nodes_are_those_of_ast_but_for_the_contexts_of_names():
    tree = ast.parse(SOURCE)
    expected = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]
    found = walk(tree)
    assert sorted(map(id, found)) == sorted(map(id, expected))


def test_what_a_library_hangs_on_its_operators_is_not_a_node():
    """All trees share their operators; ``executing`` gives every node of its trees a parent."""
    theirs, ours = ast.parse("1 + 2", mode="eval").body, ast.parse("3 + 4", mode="eval").body
    assert theirs.op is ours.op
    theirs.op.parent = theirs
    try:
        assert [type(node) for node in walk(ours)] == [ast.BinOp, ast.Constant, ast.Add, ast.Constant]
    finally:
        del theirs.op.parent
