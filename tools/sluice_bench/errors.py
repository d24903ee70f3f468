"""What ends a command early, with the exit code that goes with it.

Exit codes of all commands: 0 all well; 1 slower, a goal missed, or something failed or lost items;
2 wrong arguments or unusable input; 3 too little in common to judge; 130 interrupted.
"""

FINE, BAD, WRONG, CANNOT_JUDGE, INTERRUPTED = 0, 1, 2, 3, 130


class BenchError(Exception):
    """Ends the command with these words on stderr."""

    def __init__(self, words, code=BAD):
        super().__init__(words)
        self.code = code


class WrongInput(BenchError):
    """An argument or a file that cannot be used."""

    def __init__(self, words):
        super().__init__(words, WRONG)
