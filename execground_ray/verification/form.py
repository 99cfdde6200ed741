"""The form of a text: it tells the reasoning itself, in words, to its end, in the language of the question.

Comes in: the text and the evidence. Goes out: findings about talk of a trace, blocks of code, repetition, another
script, and an end in the middle of a sentence.
"""

from __future__ import annotations

import ast
import operator
import re
import unicodedata
from collections import Counter

from execground_ray.verification.finding import Finding, Kind
from execground_ray.verification.reading import lowered, occurrences

_SHOWN = r"(?:shows?|showed|shown|says?|confirms?|reports?|records?|recorded|indicates?|reveals?|lists?|logged|contains?|tells?|notes?)"
_GIVEN = r"(?:provided|given|supplied|recorded|captured|attached|above|actual|step-by-step|line-by-line|detailed|full|complete|runtime|program|execution|debug(?:ger|ging)?|snoop|stack|call|code)"
_ALWAYS = re.compile(
    r"\b(?:"
    r"debugger|debugging[ ](?:output|session|information)|debug[ ](?:output|log|trace|session|info(?:rmation)?)|traceback|tracer|pysnooper|"
    r"execution[ -](?:trace|log|record|history|transcript|listing|report|dump)s?|"
    r"(?:runtime|program|code|function|call|stack|snoop|variable)[ -]traces?|"
    r"trace[ -](?:output|log|line|file|data|information|entry|entries|record)s?|"
    r"(?:run|runtime|console|program|execution)[ -]logs?|log[ ](?:output|entries|file|lines?)|logged[ ](?:value|output|step|line)s?|"
    r"recorded[ ](?:run|execution|steps?|values?|states?|trace)|recording[ ](?:of|shows)|"
    r"(?:provided|given|supplied|recorded|captured|attached)[ ](?:program[ ]|code[ ]|step-by-step[ ]|actual[ ])?(?:execution|run|trace|log|tracing|steps)|"
    rf"(?:the|this|that|actual)[ ](?:execution|run|output|logs?)[ ](?:clearly[ ]|also[ ]|then[ ]|itself[ ]|above[ ])?{_SHOWN}[ ](?:that|us|how|the|this)|"
    r"(?:as[ ])?(?:shown|seen|recorded|listed|logged|visible|observed|indicated|confirmed)[ ](?:in|by|from)[ ](?:the[ ])?(?:\w+[ ])?(?:execution|trace|log|logs|run|recording|tracing)|"
    r"instrumentation|instrumented[ ]run|breakpoint|watch[ ]window|print[ ]statements?[ ](?:show|confirm)"
    r")\b",
    re.IGNORECASE,
)
_TRACE = re.compile(
    rf"\b(?:the|this|that|a|an|our|your|its|each|from|in|per|to)[ ](?:{_GIVEN}[ ]){{0,3}}(?:traces?|logs?|tracing)\b(?![ ]*\()(?![ ](?:through|each|every|out|back|along)\b)|"
    rf"\b(?:traces?|logs)[ ](?:clearly[ ]|also[ ]|then[ ])?{_SHOWN}\b|"
    rf"\b{_GIVEN}[ ](?:traces?)\b",
    re.IGNORECASE,
)
# Every mention has one of these in it; the patterns above are tried around them only.
_STEMS = ("trac", "debug", "snoop", "log", "record", "execution", "instrument", "breakpoint", "watch w", "print s")
_RUN = re.compile(
    r"(?:provided|given|supplied|captured|attached|this|that|the|actual) (?:\w+ )?(?:run|output|steps)\b", re.IGNORECASE
)
_AROUND = 60  # characters
_VERB_TRACE = re.compile(
    r"\b(?:to|let's|let[ ]us|let[ ]me|we|i|i'll|we'll|can|will|now|by|carefully)[ ]trace\b", re.IGNORECASE
)
_FENCE = re.compile(r"^[ >]*(```|~~~)[ ]*([\w+-]*)[^\n]*\n(.*?)(?:^[ >]*\1|\Z)", re.DOTALL | re.MULTILINE)
_CODE_TAGS = frozenset(
    "python py python3 pycon java c cpp c++ javascript js ts typescript bash sh shell rust go".split()
)
_CODE_LINE = re.compile(
    r"^\s*(?:>>> |def \w+\(.*\).*:|class \w+.*:|(?:for|while|if|elif|with)\b.+:\s*(?:#.*)?$|else:|try:|except.*:|return\b.*|"
    r"import \w+|from \w+ import|print\(.*\)|\w+(?:\[.*\])?(?:, \w+)*\s*(?:=|[-+*/]=)\s*\S.*|[\w.]+\(.*\)\s*)$"
)
_BLOCK_HEAD = re.compile(r"^\s*(?:def|class|for|while|if|elif|else|try|with)\b.*:\s*(?:#.*)?$")
_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?!\s)[^\n.!?]*)*[.!?\n]?")
_LETTER = re.compile(r"[^\W\d]")
_WORDS = re.compile(r"\w+")
_ENDINGS = frozenset(".!?)]}\"'`*_$|>✓✔…。！？”’»")
MIN_REPEATS = 8
MIN_REPEATED = 12  # characters of what is repeated
MAX_PERIOD = 4


def form_findings(text: str, question: str, refcode: str) -> list[Finding]:
    """What is wrong with the form of ``text``, apart from its end."""
    return [
        *_mentions(text, question, refcode),
        *_code_blocks(text),
        *_repetition(text),
        *_language(text, question + refcode),
    ]


def _mentions(text: str, question: str, refcode: str) -> list[Finding]:
    """Talk of the record that the text was made from. A word that belongs to the problem itself is allowed."""
    places = _suspects(text)
    if not places:
        return []
    subject = f"{question}\n{refcode}".lower()
    found: list[Finding] = []
    for pattern in (_ALWAYS, _TRACE):
        matches = (pattern.search(text, max(0, place - _AROUND), place + _AROUND) for place in places)
        for match in {match.span(): match for match in matches if match}.values():
            words = match.group().lower()
            noun = next(
                (word for word in ("traceback", "trace", "debug", "log", "breakpoint", "instrument") if word in words),
                "",
            )
            if noun and re.search(rf"\b{noun}", subject) and "execution" not in words and "debugger" not in words:
                continue
            if _VERB_TRACE.search(text, max(0, match.start() - 12), match.end()):
                continue
            found.append(
                Finding(
                    Kind.MENTIONS_TRACE, match.start(), match.end(), f"speaks of a record of the run: {match.group()!r}"
                )
            )
    return found


def _suspects(text: str) -> list[int]:
    """Where the words are that a mention of a record cannot do without."""
    lower = lowered(text)
    places = [place for stem in _STEMS for place in occurrences(stem, lower)]
    for word in (" run", " output", " steps"):
        behind = (_RUN.search(text, max(0, place - _AROUND), place + len(word)) for place in occurrences(word, lower))
        places += [found.start() for found in behind if found]
    return sorted(places)


def _code_blocks(text: str) -> list[Finding]:
    found = [
        Finding(Kind.CODE_BLOCK, match.start(), match.end(), "a block of code")
        for match in (_FENCE.finditer(text) if "```" in text or "~~~" in text else ())
        if match[2].lower() in _CODE_TAGS or _looks_like_code(match[3])
    ]
    lines = text.split("\n")
    position, run = 0, []
    for line in [*lines, ""]:
        if "`" not in line and _CODE_LINE.match(line):
            run.append((position, line))
        else:
            if (
                len(run) >= 2
                and any(_BLOCK_HEAD.match(each) for _, each in run)
                and _parses("\n".join(each for _, each in run))
            ):
                end = run[-1][0] + len(run[-1][1])
                found.append(Finding(Kind.CODE_BLOCK, run[0][0], end, "lines of code"))
            run = []
        position += len(line) + 1
    return found


def _looks_like_code(block: str) -> bool:
    lines = [line for line in block.split("\n") if line.strip()]
    try:
        ast.literal_eval(block.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return bool(lines) and sum(bool(_CODE_LINE.match(line)) for line in lines) * 2 >= len(lines)
    return False


def _parses(source: str) -> bool:
    indent = min((len(line) - len(line.lstrip()) for line in source.split("\n") if line.strip()), default=0)
    source = "\n".join(line[indent:] for line in source.split("\n"))
    for candidate in (
        source,
        source + "\n    pass",
        "def _():\n" + "\n".join("    " + line for line in source.split("\n")),
    ):
        try:
            ast.parse(candidate)
        except (SyntaxError, ValueError, RecursionError):
            continue
        return True
    return False


def _repetition(text: str) -> list[Finding]:
    """The same sentences or words over and over, as a model that has lost its way writes them."""
    sentences = map(str.strip, _SENTENCE.findall(text))
    if max(Counter(sentences).values(), default=0) >= MIN_REPEATS:
        found = _repeated_sentences(text)
        if found:
            return found
    names = _WORDS.findall(text)
    fewest = {size: _fewest_words(names, size) for size in (12, 20)}
    for period in range(1, 9):
        needed = max(24, period * MIN_REPEATS)
        if fewest[12 if needed < 40 else 20] > period:
            continue
        place = _run_of_equals(names, period, needed)
        if place >= 0 and any(name.isalpha() for name in names[place : place + period]):
            words = list(_WORDS.finditer(text))
            start, end = words[place].start(), words[place + period + needed - 1].end()
            return [Finding(Kind.REPETITION, start, end, "the same words over and over")]
    return []


def _fewest_words(names: list[str], size: int) -> int:
    """How few different words a block has: one lies inside of every run that is twice as long."""
    return min((len(set(names[place : place + size])) for place in range(0, len(names) - size + 1, size)), default=size)


def _repeated_sentences(text: str) -> list[Finding]:
    units = [match for match in _SENTENCE.finditer(text) if _LETTER.search(match.group())]
    keys = [" ".join(match.group().split()) for match in units]
    for period in range(1, MAX_PERIOD + 1):
        needed = period * (MIN_REPEATS - 1)
        place = _run_of_equals(keys, period, needed)
        if place >= 0 and sum(map(len, keys[place : place + period])) >= MIN_REPEATED:
            start, end = units[place].start(), units[place + period + needed - 1].end()
            return [Finding(Kind.REPETITION, start, end, f"the same words {MIN_REPEATS} times or more")]
    return []


def _run_of_equals(items: list[str], period: int, needed: int) -> int:
    """Where ``needed`` items in a row are the same as those ``period`` places before; -1 if nowhere."""
    equal = bytes(map(operator.eq, items[period:], items))
    return equal.find(b"\1" * needed)


def _script(letters: str) -> Counter[str]:
    return Counter(unicodedata.name(letter, "UNKNOWN").partition(" ")[0] for letter in letters)


def _language(text: str, question: str) -> list[Finding]:
    """Letters of a script that the question does not use."""
    if text.isascii():
        return []
    foreign = [index for index, letter in enumerate(text) if letter > "\u024f" and letter.isalpha()]
    if len(foreign) < 8:
        return []
    known = set(_script("".join(letter for letter in question if letter.isalpha())))
    strange = [
        index
        for index in foreign
        if unicodedata.name(text[index], "UNKNOWN").partition(" ")[0] not in known | {"GREEK", "MATHEMATICAL"}
    ]
    letters = sum(letter.isalpha() for letter in text)
    if len(strange) < 8 or len(strange) * 20 < letters:
        return []
    return [Finding(Kind.LANGUAGE, strange[0], strange[-1] + 1, "written in a script that the question does not use")]


def end_findings(text: str, answer_end: int | None) -> list[Finding]:
    """Whether the text stops in the middle. ``answer_end`` is where its last statement of the answer ends."""
    stripped = text.rstrip()
    end = len(stripped)
    if not stripped:
        return [Finding(Kind.CUT_OFF, 0, len(text), "an empty text")]
    if stripped.count("```") % 2 or _last_paragraph(stripped).replace("```", "").count("`") % 2:
        return [Finding(Kind.CUT_OFF, end - 1, end, "ends inside of code")]
    if answer_end is not None and answer_end >= end - 2:
        return []
    if stripped[-1] in _ENDINGS or _is_value_line(stripped):
        return []
    return [Finding(Kind.CUT_OFF, max(0, end - 40), end, "ends in the middle of a sentence")]


def _last_paragraph(text: str) -> str:
    return text[text.rfind("\n\n") + 1 :]


def _is_value_line(text: str) -> bool:
    line = text[text.rfind("\n") + 1 :].strip(" *_>-")
    return bool(re.fullmatch(r"[-+\d.,:/ ]+|\w+|[^\w\s].*", line)) and "\n" in text
