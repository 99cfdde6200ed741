"""Words for operations, and what in a program does them."""

from __future__ import annotations

import re

_SHIFTS = "Sub USub difference subtract diff"
_TIMES = "Mult Pow prod product multiply dot inner outer vdot einsum matmul MatMult mul LShift"
_PARTS = "Div FloorDiv Mod divmod RShift divide"
_LOWERS = f"{_SHIFTS} pop popleft popitem remove discard heappop del Delete clear"
_ADDS = "append add extend push update setdefault put heappush appendleft union BitOr Set List Dict write print join"
_ORDERS = "Gt GtE Lt LtE sort sorted heappop heappush bisect most_common"
_AT_FRONT = "reverse reversed insert appendleft extendleft Concat JoinedStr heappush Starred center rjust zfill push"
# What names an operation: operators, calls and kinds of expressions, as ``Window.operations`` has them. What none of the
# lines that a sentence cites does, it cannot have told.
OPERATIONS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(done.split()))
    for words, done in (
        (r"subtract(?:ed|s|ing|ion)", _SHIFTS),
        (r"multipl(?:ied|ies|ying|ication)|product of", f"{_TIMES} factorial comb reduce cumprod"),
        (r"divid(?:ed|es|ing)(?! into| up)|by division", _PARTS),
        (r"xor(?:ed|ing|s)?", "BitXor xor"),
        (r"average of|is averaged", "Div mean average FloorDiv"),
        (r"(?:is|are|gets?|and) (?:lowered|decreased|reduced|decremented) by", _LOWERS),
        (r"(?:is|are|gets?|and) (?:doubled|tripled)", f"{_TIMES} Add"),
        (r"(?:is|are|gets?) halved|halving|halves (?:it|them|the)", f"{_PARTS} Mult"),
        (r"(?:is|are) squared|squares of (?!the (?:board|grid))|square of", f"{_TIMES} square hypot dist"),
        (r"(?:is|are|gets?) negated", "USub Not Invert NotEq Mult Sub"),
        (r"the remainder of|leaves the remainder", "Mod divmod fmod Sub"),
        (
            r"(?:insert|put|plac(?=e[sd]?\b|ing)|add|attach|prepend)\w* (?:\S+ ){0,4}?(?:at|to|in) (?:the )?(?:very )?(?:front|beginning)",
            _AT_FRONT,
        ),
        (r"prepend(?:s|ed|ing)?", _AT_FRONT),
        (r"(?:larger|greater|bigger|larges?t|greatest) (?:result )?of", f"{_ORDERS} max argmax amax nlargest"),
        (r"(?:smaller|lesser|smallest) (?:result )?of", f"{_ORDERS} min argmin amin nsmallest"),
        (r"(?:is|are) reversed", "reversed reverse Slice insert appendleft USub Sub sort sorted swap"),
        (r"(?:is|are|gets?) (?:stripped|trimmed)|strip(?:s|ping) (?:it|them|the|of)|strip it", "strip lstrip rstrip Slice replace split removeprefix removesuffix sub"),
        (r"(?:to|into|in) (?:upper|lower) ?case|capitali[sz]e[sd]?", "upper lower capitalize title swapcase casefold chr ord"),
        (r"(?:is|are|gets?) rounded|rounding (?:it|them|the|up|down)|rounds (?:them|up|down|off)", "round int floor ceil FloorDiv trunc format JoinedStr FormattedValue Mod around quantize"),
        (r"(?:is|are) (?:concatenated|glued)|concatenat(?:es|ing)", "Add AugAssign join extend JoinedStr concatenate chain format hstack vstack"),
        (r"(?:is|are) shuffled", "shuffle sample"),
        (r"(?:is|are|gets?) (?:then |also |now |next )?appended (?:to|on|onto)", f"{_ADDS} insert Add JoinedStr Mult"),
        (r"extend(?:s|ed|ing)? (?:the|it|them|by|with)", f"{_ADDS} Add JoinedStr Mult insert chain Slice"),
        (r"(?:is|are|gets?) (?:then |also |now |next )?(?:added|pushed) (?:to|on|onto)", f"{_ADDS} insert Add JoinedStr Subscript Mult"),
        (r"(?:append|put|add|plac|attach)\w* (?:\S+ ){0,3}?at the (?:very )?end(?: of|,|\.)", f"{_ADDS} Add JoinedStr Subscript Mult Slice"),
        (
            r"(?:dropp|remov|filter)\w* (?:out )?(?:the |any |all |repeated |duplicate |doubled )*(?:duplicates?|repeated|repetitions|duplicate \w+|doubled \w+)|duplicates are removed|removed as a duplicate|filters out the \w+ that occur twice",
            "set frozenset fromkeys unique In NotIn Counter add union keys update SetComp Set",
        ),
        (
            r"(?:is|are) (?:taken|crossed) (?:out|off) (?:of|from)|deleted from|removed from",
            f"{_LOWERS} Slice replace strip lstrip rstrip sub filter NotIn NotEq",
        ),
        (r"(?:turned|converted|made) (?:back )?into an? (?:\w+ )?tuples?", "tuple Tuple zip map items"),
        (r"(?:turned|converted|made) (?:back )?into an? (?:\w+ )?sets?", "set frozenset Set SetComp"),
    )
)  # fmt: skip
# Sorting may have been done anywhere before.
SORTED = re.compile(
    r"\b(?:(?:then|now|next|first|finally|is|are) sorted(?! (?:already|list|into|out))|(?:put|brought) in(?:to)? (?:alphabetical|ascending|descending|sorted|their) order)\b",
    re.IGNORECASE,
)
SORTING = frozenset("sort sorted heappush heapify heappop nlargest nsmallest argsort bisect insort insert".split())
# What a text may ask where the program does not: a prefix that is taken off is one that a string begins with.
ASKS: dict[str, frozenset[str]] = {
    "startswith": frozenset({"removeprefix", "lstrip", "strip", "replace"}),
    "split": frozenset({"search", "match", "fullmatch", "findall", "finditer", "sub", "partition"}),
    "endswith": frozenset({"removesuffix", "rstrip", "strip", "replace"}),
}
