"""Programs as a copyist leaves them: every name of their own changed, laid out anew, comments and docstrings added."""

import ast
import builtins


def disguised(code):
    """Return a program that does the same as ``code``, under other names."""
    tree = ast.parse(code)
    nodes = list(ast.walk(tree))
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    kept = {"main_solution", *dir(builtins)}  # the function that is called, and what is called
    own = sorted(name for name in own - kept if not name.startswith("__"))
    others = {name: f"renamed_{number}" for number, name in enumerate(own)}
    for node in nodes:
        for field in ("id", "arg", "name", "attr"):
            if (name := getattr(node, field, None)) in others:
                setattr(node, field, others[name])
        if isinstance(node, ast.FunctionDef):
            node.body.insert(0, ast.Expr(ast.Constant("Does what it does.")))
    lines = ast.unparse(ast.fix_missing_locations(tree)).split("\n")
    return "".join(f"{line}  # it's line {number}\n" for number, line in enumerate(lines))
