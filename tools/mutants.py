"""The mutants of tools/mutate: where the sources can be weakened, and what they say about that.

  order   each memory order that is stronger than relaxed, to each weaker one that its operation has
  wake    each statement that wakes, serves, hands over, gives back, deletes or sends a barrier,
          left out
  check   each condition on an atomic that stands below an `// order:` comment, taken as false: an
          `if`, a `bool` that is declared there, what a function of type bool returns, and an `if` on
          what was loaded into a name in the line above it
  claim   each compare-and-swap and each claim of a waiter, taken as won without being made

Which of them need not be noticed the source says itself, in the comment above the line:

  // mutation: WEAKER, why         WEAKER is relaxed, acquire, release, acq_rel, `without` (wake),
  // and so on to the comment's     `never` (check) or `won` (claim); several with a bar between them.
  // end or to the next word:      `failure` before it means the second order of a compare-and-swap.
"""

import re

ORDER = re.compile(r"\b(?:\w+::)*memory_order_(acquire|release|acq_rel|seq_cst)\b")
LABEL = re.compile(r"// order: ([A-Z]\d+)")
OPERATION = re.compile(r"(load|store|exchange|compare_exchange_\w+|fetch_\w+)\s*$")
WAKES = "unpark|unpark_all|serve|settle|perform|wake|wake_in_kernel|futex_wake|pass_over|unreserve"
WAKES += "|conclude|send_process_barrier|(?:return )?hand_over"
# Perhaps behind a condition, which stays.
STATEMENT = re.compile(
    r"^(\s*(?:(?:while|if) \(.*\) )?)"
    rf"(?:(?:[\w.>()*&\[\]:-]+(?:\.|->))?(?:{WAKES})\([^;{{}}]*\)|delete [^;{{}}]+);\s*(?://.*)?$"
)
# One of two, by a condition.
EITHER = re.compile(rf"^ *([\w:= ]+ \? (?:{WAKES})\([^;{{}}?]*\)\s*: (?:{WAKES})\([^;{{}}?]*\);)", re.M)
CONDITION = re.compile(r"^(\s*(?:\} else )?if )\((.*)\)(?= (?:\{|return|continue|break|\[\[))")
# A value of type bool that is kept or returned, up to its end; the name of one of any type.
KEPT = re.compile(r"(\s*const bool \w+ =\s)([^;{}]*);", re.S)
RETURNED = re.compile(r"(\s*return )([^;{}]*);", re.S)
PREDICATE = re.compile(r"\bbool \w+\([^;{}]*\)[^;{}]*\{\s*(?://[^\n]*\n\s*)*$")
LOADED = re.compile(r"\s*const \w+ (\w+) = [^;]*(?:load|exchange)\(.*;")
CLAIM = re.compile(
    r"(?<!bool )(?:[\w:]+(?:\[[^\]]*\]|\(\w*\))?(?:\.|->))*"
    r"(?:try_claim|leave_waiting|compare_exchange_\w+)\("
)
DEFINITION = re.compile(r" (?:const )?noexcept\b")
COMMENT = re.compile(r"\s*// ?(.*)")
SAID = re.compile(r"mutation: ((?:failure )?[\w|]+), (.*)")
# Which weaker orders an operation can have, by the sort of operation and the order that it has.
WEAKER = {
    "load": {"acquire": ["relaxed"], "seq_cst": ["acquire"]},
    "store": {"release": ["relaxed"], "seq_cst": ["release"]},
    "both": {
        "acquire": ["relaxed"],
        "release": ["relaxed"],
        "acq_rel": ["acquire", "release"],
        "seq_cst": ["acq_rel"],
    },
    "failure": {"acquire": ["relaxed"], "seq_cst": ["acquire"]},
}

# The name in a condition that declares one.
DECLARATION = re.compile(r"\((?:const )?[\w:]+(?: ?[*&] ?| )(?:const )?(\w+) = ")

class Mutant:
    def __init__(self, path, text, begin, end, kind, sort, weaker):
        self.path, self.begin, self.end, self.kind, self.weaker = path, begin, end, kind, weaker
        self.old = text[begin:end]
        self.line = text.count("\n", 0, begin) + 1
        self.sort = sort
        self.number = 0
        self.label = self.why = ""
        self.statement = ""  # from its first line to the mutant's

    @property
    def what(self):
        if self.kind == "wake":
            return f"wake: without {self.old[:50]}"
        if self.kind == "check":
            return f"check: never {' '.join(self.old.split())[:50]}"
        if self.kind == "claim":
            return f"claim: won {' '.join(self.old.split())[:50]}"
        return f"order: {ORDER.match(self.old)[1]} is {self.weaker} ({self.sort})"

    def is_said_by(self, weaker):
        one = weaker.removeprefix("failure ")
        return self.weaker in one.split("|") and (one != weaker) == (self.sort == "failure")

    def __str__(self):
        label = f" {self.label}" if self.label else ""
        return f"{self.path}:{self.line}{label} {self.what}"


def comments(text):
    """Where comments are, as a set of positions."""
    inside = set()
    for match in re.finditer(r"//[^\n]*|/\*.*?\*/", text, re.S):
        inside.update(range(match.start(), match.end()))
    return inside


def operation_of(text, at):
    """The sort of the operation whose argument is at that position: a key of WEAKER, or None."""
    depth, commas = 0, 0
    for i in range(at - 1, max(0, at - 600), -1):
        char = text[i]
        if char in ")}]":
            depth += 1
        elif char in "([{":
            if depth == 0:
                match = OPERATION.search(text[max(0, i - 40) : i])
                if char != "(" or not match:
                    return None
                name = match[1]
                if name in ("load", "store"):
                    return name
                return "failure" if name.startswith("compare") and commas == 3 else "both"
            depth -= 1
        elif char == "," and depth == 0:
            commas += 1
        elif char == ";" and depth == 0:
            return None
    return None


def closing(text, at):
    """The end of the call whose arguments begin there."""
    depth, end = 1, at
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return end


def comment_above(lines, number):
    """(first line, texts) of the comment above the statement of that line, all from 1 on."""
    at = number - 2
    while at >= 0 and number - at < 6 and not COMMENT.fullmatch(lines[at]):
        if re.search(r"[;{}]\s*(//.*)?$", lines[at]):
            return number, []
        at -= 1
    texts = []
    while at >= 0 and (match := COMMENT.fullmatch(lines[at])):
        texts.insert(0, match[1])
        at -= 1
    return at + 2, texts


def said_in(texts):
    """[(weaker, why)] of a comment."""
    found = []
    for text in texts:
        if match := SAID.match(text):
            found.append([match[1], match[2]])
        elif re.match(r"[a-z]+: ", text):
            found.append(None)
        elif found and found[-1]:
            found[-1][1] += " " + text
    return [tuple(one) for one in found if one]


def mutants_of(path, text):
    """All of a file, each with the reason that the source gives for its survival, if any."""
    quiet = comments(text)
    lines = text.splitlines()
    found = []
    for match in ORDER.finditer(text):
        if match.start() not in quiet:
            sort = operation_of(text, match.start())
            for weaker in WEAKER.get(sort, {}).get(match[1], []):
                found.append(Mutant(path, text, *match.span(), "order", sort, weaker))
    for match in EITHER.finditer(text):
        found.append(Mutant(path, text, *match.span(1), "wake", "", "without"))
    for match in CLAIM.finditer(text):
        if match.start() not in quiet:
            end = closing(text, match.end())
            if DEFINITION.match(text, end) is None:
                found.append(Mutant(path, text, match.start(), end, "claim", "", "won"))
    at = 0
    commented = False  # does an order comment stand right above?
    loaded = ""  # the name of what was loaded there
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        statement = STATEMENT.match(line.rstrip("\n"))
        if statement:
            begin, end = at + statement.end(1), at + line.index(";") + 1
            found.append(Mutant(path, text, begin, end, "wake", "", "without"))
        condition = CONDITION.match(line)
        if condition and (commented or loaded and re.search(rf"\b{loaded}\b", condition[2])):
            if condition[2].count("(") == condition[2].count(")"):
                begin = at + condition.end(1)
                end = begin + len(condition[2]) + 2
                found.append(Mutant(path, text, begin, end, "check", "", "never"))
        if commented and not bare.startswith("//"):
            value = KEPT.match(text, at)
            if not value and PREDICATE.search(text[max(0, at - 900) : at]):
                value = RETURNED.match(text, at)
            if value and "memory_order" in value[2]:
                found.append(Mutant(path, text, *value.span(2), "check", "value", "never"))
        if not bare.startswith("//"):
            loaded = match[1] if commented and (match := LOADED.match(line)) else ""
        commented = bare.startswith("//") and (commented or "// order:" in bare)
        at += len(line)
    used = set()
    for one in found:
        first, texts = comment_above(lines, one.line)
        begin = first - 1 + len(texts)
        one.statement = " ".join(line.strip() for line in lines[begin : one.line])
        labels = LABEL.findall("\n".join(lines[max(0, one.line - 6) : one.line]))
        one.label = labels[-1] if labels else ""
        for weaker, why in said_in(texts):
            if one.is_said_by(weaker):
                one.why = why
                used.add((first, weaker))
    return found, unused(path, lines, used)


def unused(path, lines, used):
    """Explanations that belong to no mutant."""
    problems = []
    for number in range(1, len(lines) + 1):
        match = COMMENT.fullmatch(lines[number - 1])
        if not match or not match[1].startswith("mutation:"):
            continue
        said = SAID.match(match[1])
        first = comment_above(lines, number + 1)[0]
        if not said or (first, said[1]) not in used:
            problems.append(f"{path}:{number}: no mutant that this explains: {match[1]}")
    return problems


def switched(one, old):
    """What stands in the place of that piece in a program with a switch for it."""
    switch = f"::sluice::explore::mutant({one.number})"
    if one.kind == "wake":
        return f"if (!{switch}) {{ {old} }}"
    if one.kind == "check":
        if one.sort == "value":
            return f"!{switch} && ({old})"
        declared = DECLARATION.match(old)
        return f"({old[1:-1]}; !{switch} && {declared[1]})" if declared else f"(!{switch} && {old})"
    if one.kind == "claim":
        return f"({switch} || {old})"
    weaker = re.sub(r"memory_order_\w+", f"memory_order_{one.weaker}", one.old)
    return f"::sluice::explore::weakened({one.number}, {weaker}, {old})"


def planted(text, pieces):
    """The text with a switch around each piece; a piece may contain others, or be the same.

    Without its comments, so that an explanation more or less compiles nothing anew.
    """

    def build(begin, end, inside):
        made = ""
        while inside:
            one, *rest = inside
            nested = [other for other in rest if other.end <= one.end]
            inside = [other for other in rest if other.begin >= one.end]
            made += text[begin : one.begin] + switched(one, build(one.begin, one.end, nested))
            begin = one.end
        return made + text[begin:end]

    made = build(0, len(text), sorted(pieces, key=lambda one: (one.begin, -one.end)))
    return re.sub(r"^ *//.*\n", "", made, flags=re.M)


# (name, text, the mutants' words and reasons, is there an explanation of nothing?)
LOAD = "x = y.load(memory_order_acquire);\n"
SWAP = "if (y.compare_exchange_weak(a, b, memory_order_acq_rel, memory_order_acquire)) return;\n"
SAMPLES = [
    ("a load", LOAD, [("relaxed", "")], False),
    ("relaxed", "x = y.load(memory_order_relaxed);\n", [], False),
    ("a comment", "// " + LOAD, [], False),
    ("both orders of a compare-and-swap", SWAP,
     [("acquire", ""), ("release", ""), ("relaxed", ""), ("won", "")], False),
    ("explained", "// order: acquire\n// mutation: relaxed, of\n// no use\n" + LOAD,
     [("relaxed", "of no use")], False),
    ("only its failure", "// mutation: failure relaxed, so\n" + SWAP,
     [("acquire", ""), ("release", ""), ("relaxed", "so"), ("won", "")], False),
    ("two at once", "// mutation: acquire|release, so\n" + SWAP,
     [("acquire", "so"), ("release", "so"), ("relaxed", ""), ("won", "")], False),
    ("a call over two lines", "// mutation: relaxed, so\ny.store(f(1),\n  memory_order_release);\n",
     [("relaxed", "so")], False),
    ("that of another line", "// mutation: relaxed, so\nf();\n" + LOAD, [("relaxed", "")], True),
    ("of nothing", "// mutation: release, so\n" + LOAD, [("relaxed", "")], True),
    ("without a reason", "// mutation: relaxed\n" + LOAD, [("relaxed", "")], True),
    ("a wake", "// mutation: without, so\n  one->unpark();  // the last touch\n",
     [("without", "so")], False),
    ("a wake in a loop", "  while (node* one = won.pop()) one->strand().unpark();\n",
     [("without", "")], False),
    ("one of two", "  puts ? hand_over(a, b)\n       : hand_over(b, a);\n", [("without", "")], False),
    ("a delete", "  if (--users == 0) delete this;\n", [("without", "")], False),
    ("a deleted function", "  a(const a&) = delete;\n", [], False),
    ("a return that hands over", "if (x) return hand_over(y);\n", [("without", "")], False),
    ("a claim", "if (x.owner->try_claim(a)) return;\n", [("won", "")], False),
    ("a claim that is defined", "bool try_claim(outcome how) noexcept { return f(how); }\n", [],
     False),
    ("a check that is kept", "// order: so\nconst bool a =\n    y.load(memory_order_relaxed);\n",
     [("never", "")], False),
    ("a check that is returned", "bool f() const noexcept {\n  // order: so\n"
     "  return y.load(memory_order_relaxed) != 0;\n}\n", [("never", "")], False),
    ("a number that is returned", "int f() const noexcept {\n  // order: so\n"
     "  return y.load(memory_order_relaxed);\n}\n", [], False),
    ("a check in the next line", "// order: so\nconst int a = y.load(memory_order_relaxed);\n"
     "if (a == b) return;\n", [("never", "")], False),
    ("the same with a word between", "// order: so\nconst int a = y.load(memory_order_relaxed);\n"
     "// mutation: never, so\nif (a == b) return;\n", [("never", "so")], False),
    ("a wake that is asked", "if (settle(jobs)) return;\n", [], False),
    ("a check", "// order: relaxed, a hint\nif (y.load(memory_order_relaxed) == 1) return;\n",
     [("never", "")], False),
    ("a check of nothing atomic", "// a hint\nif (y == 1) return;\n", [], False),
]


PLANTED = [
    ("one in another", "// order: so\nif (y.load(memory_order_acquire)) return;\n",
     "if (!::sluice::explore::mutant(2) && (y.load(::sluice::explore::weakened(1, "
     "memory_order_relaxed, memory_order_acquire)))) return;\n"),
    ("two of one order", "y.exchange(a, memory_order_acq_rel);\n",
     "y.exchange(a, ::sluice::explore::weakened(1, memory_order_acquire, "
     "::sluice::explore::weakened(2, memory_order_release, memory_order_acq_rel)));\n"),
    ("a wake behind a condition", "if (f(x)) unpark();\n",
     "if (f(x)) if (!::sluice::explore::mutant(1)) { unpark(); }\n"),
    ("one that declares", "// order: so\nif (T* x = y.load(memory_order_relaxed)) return;\n",
     "if (T* x = y.load(memory_order_relaxed); !::sluice::explore::mutant(1) && x) return;\n"),
]


def self_test():
    """How many samples are answered wrongly."""
    wrong = 0
    for name, text, expected, problem in SAMPLES:
        found, problems = mutants_of("a.hpp", text)
        got = [(one.weaker, one.why) for one in found]
        if got != expected or bool(problems) != problem:
            wrong += 1
            print(f"self-test '{name}': expected {expected}, got {got} and {problems}")
    for name, text, wanted in PLANTED:
        pieces = mutants_of("a.hpp", text)[0]
        for number, one in enumerate(pieces, 1):
            one.number = number
        made = planted(text, pieces)
        if made != wanted:
            wrong += 1
            print(f"self-test '{name}': got {made}")
    count = len(SAMPLES) + len(PLANTED)
    print(f"self-test: {count - wrong} of {count} samples answered right")
    return wrong
