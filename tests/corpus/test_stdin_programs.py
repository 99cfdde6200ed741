"""Programs that read and print: below a ``def`` they do what they did."""

import contextlib
import io
import sys

import pytest

from execground_ray.corpus.stdin_programs import as_function

PROGRAMS = {
    "statements alone": ("n = int(input())\nfor i in range(n):\n    print(i, end=' ')\n", "3"),
    "a function that knows nothing": ("import math\ndef f(n):\n    return math.isqrt(n)\nprint(f(int(input())))", "17"),
    "a function that knows a name": ("k = int(input())\ndef f(n):\n    return n + k\nprint(f(2))", "5"),
    "one that knows one that knows": (
        "def g(n):\n    return f(n) * 2\ndef f(n):\n    return n + k\nk = 1\nprint(g(int(input())))",
        "5",
    ),
    "global": (
        "total = 0\ndef add(n):\n    global total\n    total += n\nfor x in input():\n    add(int(x))\nprint(total)",
        "123",
    ),
    "a class": (
        "class A:\n    size = 2\n    def f(self):\n        return self.size + n\nn = int(input())\nprint(A().f())",
        "4",
    ),
    "a decorator": (
        "twice = lambda f: lambda n: f(f(n))\n@twice\ndef f(n):\n    return n + 1\nprint(f(int(input())))",
        "4",
    ),
    "input of its own": (
        "import sys\ninput = sys.stdin.readline\ndef f():\n    return input().strip()\nprint(f())",
        "x\n",
    ),
    "texts over several lines": ("text = '''a\n  b\n'''\nprint(text, '''\n''', f'''{text}\n''')", ""),
    "a line that goes on": ("n = 1 + \\\n  2\nx = (3 +\n4)\nprint(n, x)", ""),
    "several on a line": ("import sys; n = int(input()); print(n)\ndef f(n): return n\nprint(f(n))", "3"),
    "main of its own": ("def main():\n    print(input())\nif __name__ == '__main__':\n    main()", "x"),
    "comments": ("# one\n\nn = input()  # two\n# three\nprint(n)\n# four", "x"),
    "line ends": ("n = input()\r\nif n:\r\n    print(n)\r\n", "x"),
    "a byte order mark": ("\ufeffprint(input())", "x"),
    "recursion": ("def f(n):\n    return n * f(n - 1) if n else one\none = 1\nprint(f(int(input())))", "5"),
    "other letters": ("é = 1\ndef f():\n    'é'; global é; é += 1\nf()\nprint(é)", ""),
}


def printed(code, given, call=""):
    """What a program prints when it is run as one, and one of its functions is called."""
    namespace = {"__name__": "__main__"}
    before, sys.stdin = sys.stdin, io.StringIO(given)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(code, "<code>", "exec"), namespace)
            done = output.getvalue()
            if call:
                namespace[call]()
    finally:
        sys.stdin = before
    return done, output.getvalue()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_in_a_function_prints_what_it_printed(name):
    code, given = PROGRAMS[name]
    text, called = as_function(code)
    expected = printed(code.removeprefix("\ufeff"), given)[1]
    assert printed(text, given, called) == ("", expected)


def test_what_knows_nothing_of_the_program_stays_where_it_is():
    code, _ = as_function(
        "# two\ndef twice(n):\n    # of it\n    return 2 * n\n\nn = int(input())  # read\nprint(twice(n))\n"
    )
    assert code == (
        "# two\ndef twice(n):\n    # of it\n    return 2 * n\n"
        "def main():\n\n    n = int(input())  # read\n    print(twice(n))\n"
    )


@pytest.mark.parametrize("code", ["", "def f():\n    pass", "print(", "return 1", "x = '\0'"])
def test_a_program_that_does_nothing_or_does_not_compile_stays_as_it_is(code):
    assert as_function(code)[0] == code


def test_the_name_of_the_function_is_free():
    assert as_function("print(1)")[1] == "main"
    assert as_function("main = 1")[1] == "run"
    assert as_function("main = run = run_program = 1")[1] == "run_program_"
