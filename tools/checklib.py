"""What the checks of the test suite `tidy` share: reading C++ sources and reporting.

A check is a function from a root folder to a list of problems ("path:line: what"). Each check
program runs it on the tree, or with --self-test on small good and bad samples first, so that a
check that finds nothing is known to be able to find something.
"""

import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CPP = (".hpp", ".cpp")

# A comment, a raw string, a string or a character, whichever begins first; a quote inside a
# number (1'000) is none.
TOKEN = re.compile(
    r"//(?:\\\n|[^\n])*|/\*.*?\*/"
    r'|R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)


def blank(text):
    """The text with everything but its line ends made blank."""
    return re.sub(r"[^\n]", " ", text)


def split(text):
    """Code without comments and literals, and comments without code; lines stay in place."""
    code, comments, end = [], [], 0
    for match in TOKEN.finditer(text):
        between, token = text[end : match.start()], match.group()
        is_comment = token.startswith(("//", "/*"))
        code += [between, blank(token) if is_comment else '"' + blank(token)[1:]]
        comments += [blank(between), token if is_comment else blank(token)]
        end = match.end()
    return "".join(code) + text[end:], "".join(comments) + blank(text[end:])


def files(root, folders, suffixes=CPP):
    """The sources below the folders, in a stable order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def problem(root, path, line, what):
    return f"{path.relative_to(root)}:{line}: {what}"


def sample(content):
    """A temporary tree from {path: text}; the caller keeps it alive."""
    tree = tempfile.TemporaryDirectory(prefix="sluice-check-")
    for name, text in content.items():
        path = pathlib.Path(tree.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tree


def self_test(check, samples):
    """samples: (name, {path: text}, part of the expected problem, or None for none at all)."""
    failed = 0
    for name, content, expected in samples:
        with sample(content) as tree:
            problems = check(pathlib.Path(tree))
        good = any(expected in p for p in problems) if expected else not problems
        if not good:
            failed += 1
            print(f"self-test '{name}': expected {expected or 'nothing'}, got {problems}")
    print(f"self-test: {len(samples) - failed} of {len(samples)} samples answered right")
    return failed


def main(check, samples, what):
    """--self-test runs the samples; otherwise the tree (or the folder named) is checked."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        print(f"usage: {pathlib.Path(sys.argv[0]).name} [--self-test | ROOT]\n\n{what.strip()}")
        sys.exit(0)
    if arguments == ["--self-test"]:
        sys.exit(1 if self_test(check, samples) else 0)
    if len(arguments) > 1 or (arguments and not pathlib.Path(arguments[0]).is_dir()):
        print(f"no such folder or option: {' '.join(arguments)}", file=sys.stderr)
        sys.exit(2)
    problems = check(pathlib.Path(arguments[0]).resolve() if arguments else ROOT)
    for text in problems:
        print(text)
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)
