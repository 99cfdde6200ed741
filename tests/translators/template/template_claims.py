"""Finds false statements in a reasoning, by means of its own: every backticked claim against trace and arithmetic."""

import ast
import re
import warnings

BUILTINS = {
    function.__name__: function
    for function in (len, abs, min, max, sum, ord, chr, int, str, float, bool, round, sorted, list, tuple, set, divmod)
}
SHOWN = re.compile(r"^ *\.{6,} (\S+) = (.*)$", re.MULTILINE)
SET = re.compile(r"^ *\d+ \|\s*(\w+) = (.*)$", re.MULTILINE)
CONDITION = re.compile(r"`([^`]+)`(?:, that is `[^`]+`)?,? (?:which )?is (true|false)")
CALCULATION = re.compile(r"(?:becomes|returns) `([^`]+) = ([^`]+)`")


def false_statements(text, trace, arguments):
    """List the claims of a text that are not so."""
    held = {name: {repr(value)} for name, value in arguments.items()}
    for name, value in (*SHOWN.findall(re.sub(r" at 0x\w+", "", trace)), *SET.findall(trace)):
        held.setdefault(name, set()).add(value.strip())
    wrong = []
    for code in re.findall(r"`([^`]+)`", text):
        name, equals, value = code.partition(" = ")
        if equals and name.isidentifier() and value not in held.get(name, ()) and not value.startswith("array("):
            wrong.append(code)
    wrong += [match[0] for match in CONDITION.finditer(text) if _differs(match[1], match[2].title())]
    wrong += [match[0] for match in CALCULATION.finditer(text) if _differs(match[1], match[2])]
    return wrong


def _differs(left, right):
    """Tell two expressions of values alone apart; what names a variable is not judged here."""
    try:
        trees = [ast.parse(side, mode="eval") for side in (left, right)]
    except SyntaxError:
        return False
    names = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if names - set(BUILTINS):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        values = [eval(compile(tree, "claim", "eval"), {"__builtins__": BUILTINS}) for tree in trees]
    return bool(values[0]) is not values[1] if isinstance(values[1], bool) else values[0] != values[1]
