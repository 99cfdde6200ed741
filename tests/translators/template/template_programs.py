"""Small programs, one construct each: what the reasoning is written about in these tests."""

WHILE = """def main_solution(n):
    total = 0
    while n > 0:
        total += n % 10
        n //= 10
    return total
"""

DECORATED = """from functools import lru_cache


def main_solution(n):
    top = 1
    while top < n:
        top *= 2

    @lru_cache(None)
    def half(x):
        return x // 2

    return half(top)
"""

BRANCHES = """def main_solution(n):
    if n % 2 == 0:
        kind = "even"
    elif n > 10:
        kind = "large"
    else:
        kind = "odd"
    return kind
"""

SCAN = """def main_solution(nums, wanted):
    for i, x in enumerate(nums):
        if x == wanted:
            return i
    return -1
"""

NESTED = """def main_solution(n):
    rows = []
    for i in range(n):
        row = []
        for j in range(i):
            row.append(i * j)
        rows.append(row)
    return rows
"""

RECURSION = """def fact(n):
    if n <= 1:
        return 1
    below = fact(n - 1)
    return n * below

def twice(n):
    return 2 * n

def main_solution(n):
    return fact(n)
"""

COMPREHENSION = """def main_solution(nums):
    squares = [x * x for x in nums if x > 1]
    return sum(squares)
"""

GENERATOR = """def count(n):
    i = 0
    while i < n:
        yield i * 10
        i += 1

def main_solution(n):
    found = []
    for value in count(n):
        found.append(value)
    return found
"""

OBJECTS = """class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance

    def add(self, amount):
        self.balance += amount
        return self.balance

def main_solution(start, amount):
    account = Account("Ann", start)
    return account.add(amount)
"""

HANDLED = """def main_solution(words):
    total = 0
    for word in words:
        try:
            total += int(word)
        except ValueError:
            continue
    return total
"""

COUNTING = """class Count:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n

def main_solution(n):
    total = 0
    for value in Count(n):
        total += value
    return total
"""

PASSED_ON = """def check(n):
    if n < 5:
        raise ValueError(n)
    return n

def main_solution(n):
    try:
        return check(n)
    except KeyError:
        return 0
    except ValueError as error:
        return str(error)
"""

SWAP = """def main_solution(xs):
    xs[0], xs[1] = xs[1], xs[0]
    last = xs.pop()
    first, second = xs
    return [first, second, last]
"""

ONE_LINERS = """def double(x): return 2 * x

def main_solution(n):
    if n > 3: n = 3
    a = 1; b = double(n)
    for i in range(2): b += i
    return a + b
"""

LAMBDA = """def main_solution(words):
    ordered = sorted(words, key=lambda word: len(word))
    return ",".join(str(len(word)) for word in ordered)
"""

FOREVER = """def main_solution(n):
    steps = 0
    while True:
        if n == 1:
            break
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
"""

GLOBALS = """LIMIT = 10
seen = []

def len(xs):
    return 7

def main_solution(n):
    seen.append(n)
    if n > LIMIT and len(seen) == 7:
        return "over"
    return "under"
"""

POPPING = """def main_solution(stack):
    while stack.pop() > 0 and len(stack) > 1:
        stack[0] += 1
    return stack
"""

LONG_LIST = """def main_solution(n):
    xs = list(range(n))
    xs.append(-1)
    return xs
"""

MATCH = """def main_solution(command):
    match command:
        case "go":
            return 1
        case "stop":
            return 2
    return 0
"""

CASES = {
    "while": (WHILE, {"n": 305}),
    "decorated": (DECORATED, {"n": 3}),
    "branches": (BRANCHES, {"n": 13}),
    "scan": (SCAN, {"nums": [4, 5, 6, 7], "wanted": 7}),
    "nested": (NESTED, {"n": 3}),
    "recursion": (RECURSION, {"n": 3}),
    "comprehension": (COMPREHENSION, {"nums": [1, 2, 3]}),
    "generator": (GENERATOR, {"n": 2}),
    "objects": (OBJECTS, {"start": 5, "amount": 7}),
    "handled": (HANDLED, {"words": ["1", "x", "5"]}),
    "passed on": (PASSED_ON, {"n": 4}),
    "counting": (COUNTING, {"n": 2}),
    "swap": (SWAP, {"xs": [1, 2, 3]}),
    "one-liners": (ONE_LINERS, {"n": 9}),
    "lambda": (LAMBDA, {"words": ["ccc", "a", "bb"]}),
    "forever": (FOREVER, {"n": 3}),
    "globals": (GLOBALS, {"n": 11}),
    "popping": (POPPING, {"stack": [1, 2, 3]}),
    "long list": (LONG_LIST, {"n": 150}),
    "match": (MATCH, {"command": "stop"}),
}
