"""The form of a text: it tells the reasoning itself, in words, to its end, in the language of the question.

Comes in: the text and the problem. Goes out: findings about talk of a trace, blocks of code, repetition, another
script, and an end in the middle of a sentence.
"""

from __future__ import annotations

import ast
import re
import unicodedata

from execground_ray.verification.finding import Finding, Kind

_SHOWN = r"(?:shows?|showed|shown|says?|confirms?|reports?|records?|recorded|indicates?|reveals?|lists?|logged|contains?|tells?|notes?)"
_GIVEN = r"(?:provided|given|supplied|recorded|captured|attached|above|actual|step-by-step|line-by-line|detailed|full|complete|runtime|program|execution|debug(?:ger|ging)?|snoop|stack|call|code)"
_MENTION = re.compile(
    r"\b(?:debugger|debugging (?:output|session|information)|debug (?:output|log|trace|session|info(?:rmation)?)|traceback|tracer|pysnooper|"
    r"execution[ -](?:trace|log|record|history|transcript|listing|report|dump)s?|(?:runtime|program|code|function|call|stack|snoop|variable)[ -]traces?|"
    r"trace[ -](?:output|log|line|file|data|information|entry|entries|record)s?|(?:run|runtime|console|program|execution)[ -]logs?|"
    r"log (?:output|entries|file|lines?)|logged (?:value|output|step|line)s?|recorded (?:run|execution|steps?|values?|states?|trace)|recording (?:of (?:the |this |its )?(?:run|execution|program|trace)|shows)|"
    r"(?:provided|given|supplied|recorded|captured|attached) (?:program |code |step-by-step |actual )?(?:execution|run|trace|log|tracing|steps)|"
    rf"(?:the|this|that|actual) (?:execution|run|output|logs?) (?:clearly |also |then |itself |above )?{_SHOWN} (?:that|us|how|the|this)|"
    rf"(?:the|this) (?:record|log) {_SHOWN}|"
    r"(?:as )?(?:shown|seen|recorded|listed|logged|visible|observed|indicated|confirmed) (?:in|by|from) (?:the )?(?:\w+ )?(?:execution|trace|log|logs|run|recording|record|tracing)|"
    r"instrumentation|instrumented run|breakpoint|watch window|print statements? (?:show|confirm)"
    rf"|(?:the|this|that|a|an|our|your|its|each|from|in|per|to) (?:{_GIVEN} ){{0,3}}(?:traces?|logs?|tracing)\b(?! *\()(?! (?:through|each|every|out|back|along)\b)"
    rf"|(?:traces?|logs) (?:clearly |also |then )?{_SHOWN}|{_GIVEN} traces?)\b",
    re.IGNORECASE,
)
# Every mention has one of these in it: texts without them need no search.
_STEM = re.compile(
    r"trac|debug|snoop|log|record|execution|instrument|breakpoint|watch w|print s|\b(?:run|output|steps)\b",
    re.IGNORECASE,
)
_TO_TRACE = re.compile(r"\b(?:to|let's|let us|let me|we|i|i'll|we'll|can|will|now|by|carefully) trace\b", re.IGNORECASE)
_SUBJECT = re.compile(r"traceback|trace|debug|log|breakpoint|instrument|record")
_FENCE = re.compile(r"^[ >]*(```|~~~) *([\w+-]*)[^\n]*\n(.*?)(?:^[ >]*\1|\Z)", re.DOTALL | re.MULTILINE)
_TAGS = frozenset("python py python3 pycon java c cpp c++ javascript js ts typescript bash sh shell rust go".split())
_CODE_LINE = re.compile(
    r"^\s*(?:>>> |def \w+\(.*\).*:|class \w+.*:|(?:for|while|if|elif|with)\b.+:\s*(?:#.*)?$|else:|try:|except.*:|return\b.*|"
    r"import \w+|from \w+ import|print\(.*\)|\w+(?:\[.*\])?(?:, \w+)*\s*(?:=|[-+*/]=)\s*\S.*|[\w.]+\(.*\)\s*)$"
)
_HEAD = re.compile(r"^\s*(?:def|class|for|while|if|elif|else|try|with)\b.*:\s*(?:#.*)?$")
_WORD = re.compile(r"(`+)(?:(?!\1).)*\1|\w+")  # what is marked as code is one
_ENDINGS = frozenset(".!?)]}\"'`*_$|>✓✔…。！？”’»")
_FAR = re.compile(r"[^\0-\u024f]")  # no letter of a Latin script
MIN_REPEATS = 8
MIN_REPEATS_OF_LONG = 16  # of more than so many words: rounds of a loop may be told alike
SHORT = 8
MAX_PERIOD = 60  # words of what is repeated
FOREIGN = 8  # letters of another script


def form_findings(text: str, question: str, refcode: str, trace: str = "") -> list[Finding]:
    """What is wrong with the form of ``text``, apart from its end."""
    return [
        *_mentions(text, f"{question}\n{refcode}"),
        *_code_blocks(text),
        *_repetition(text),
        *_language(text, question + refcode + trace),
    ]


def _mentions(text: str, subject: str) -> list[Finding]:
    """Talk of the record that the text was made from. A word that belongs to the problem itself is allowed."""
    if not _STEM.search(text):
        return []
    subject = subject.lower()
    found = []
    for match in _MENTION.finditer(text):
        words = match.group().lower()
        noun = _SUBJECT.search(words)
        if noun and re.search(rf"\b{noun[0]}", subject) and "execution" not in words and "debugger" not in words:
            continue
        if not _TO_TRACE.search(text, max(0, match.start() - 12), match.end()):
            message = f"speaks of a record of the run: {match.group()!r}"
            found.append(Finding(Kind.MENTIONS_TRACE, match.start(), match.end(), message))
    return found


def _code_blocks(text: str) -> list[Finding]:
    found = [
        Finding(Kind.CODE_BLOCK, match.start(), match.end(), "a block of code")
        for match in _FENCE.finditer(text)
        if match[2].lower() in _TAGS or _looks_like_code(match[3])
    ]
    position, run = 0, []
    for line in [*text.split("\n"), ""]:
        if "`" not in line and _CODE_LINE.match(line):
            run.append((position, line))
        else:
            if len(run) >= 2 and any(_HEAD.match(each) for _, each in run) and _parses([each for _, each in run]):
                found.append(Finding(Kind.CODE_BLOCK, run[0][0], run[-1][0] + len(run[-1][1]), "lines of code"))
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


def _parses(lines: list[str]) -> bool:
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    source = "\n".join(line[indent:] for line in lines)
    for candidate in (source, source + "\n    pass", "def _():\n    " + source.replace("\n", "\n    ")):
        try:
            ast.parse(candidate)
        except (SyntaxError, ValueError, RecursionError):
            continue
        return True
    return False


def _repetition(text: str) -> list[Finding]:
    """The same words over and over, as a model that has lost its way writes them."""
    matches = list(_WORD.finditer(text))
    words = [match.group() for match in matches]
    for period in _periods(words):
        equal = bytes(map(str.__eq__, words[period:], words))
        needed = max(24, period * ((MIN_REPEATS if period <= SHORT else MIN_REPEATS_OF_LONG) - 1))
        place = equal.find(b"\1" * needed)
        if place >= 0 and any(word.isalpha() or word[0] == "`" for word in words[place : place + period]):
            start, end = matches[place].start(), matches[place + period + needed - 1].end()
            return [Finding(Kind.REPETITION, start, end, "the same words over and over")]
    return []


def _periods(words: list[str]) -> list[int]:
    """The distances at which the same few words recur: what is repeated has one of them as its period."""
    last: dict[tuple[str, ...], int] = {}
    found = set()
    for place, few in enumerate(zip(*(words[first:] for first in range(MIN_REPEATS)), strict=False)):
        found.add(place - last.get(few, place))
        last[few] = place
    return sorted(period for period in found if 0 < period <= MAX_PERIOD)


def _language(text: str, question: str) -> list[Finding]:
    """Letters of a script that neither the question nor a value of the run uses."""
    foreign = [match.start() for match in _FAR.finditer(text) if match[0].isalpha()]
    if len(foreign) < FOREIGN:
        return []
    known = {_script(letter) for letter in question if letter.isalpha()} | {"GREEK", "MATHEMATICAL"}
    strange = [index for index in foreign if _script(text[index]) not in known]
    if len(strange) < FOREIGN or len(strange) * 20 < sum(letter.isalpha() for letter in text):
        return []
    return [Finding(Kind.LANGUAGE, strange[0], strange[-1] + 1, "written in a script that the question does not use")]


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]


def end_findings(text: str) -> list[Finding]:
    """Whether a text stops in the middle."""
    stripped = text.rstrip()
    end = len(stripped)
    if not stripped:
        return [Finding(Kind.CUT_OFF, 0, len(text), "an empty text")]
    last = stripped[stripped.rfind("\n\n") + 1 :]
    if stripped.count("```") % 2 or last.replace("```", "").count("`") % 2:
        return [Finding(Kind.CUT_OFF, end - 1, end, "ends inside of code")]
    line = stripped[stripped.rfind("\n") + 1 :].strip(" *_>-")
    if stripped[-1] in _ENDINGS or ("\n" in stripped and re.fullmatch(r"[-+\d.,:/ ]+|\w+|[^\w\s].*", line)):
        return []
    return [Finding(Kind.CUT_OFF, max(0, end - 40), end, "ends in the middle of a sentence")]
