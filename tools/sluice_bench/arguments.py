"""Types of arguments: each raises with a message that names what was wrong."""

import argparse
import os
import pathlib


def number(least):
    def convert(text):
        value = int(text) if text.isdigit() else -1
        if value < least:
            raise argparse.ArgumentTypeError(f"not a number from {least} on: {text}")
        return value
    return convert


def numbers(least):
    """Numbers with commas between them."""
    def convert(text):
        return list(dict.fromkeys(number(least)(part) for part in text.split(",")))
    return convert


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"not a time in seconds: {text}")
    return value


def share(text):
    """A part of one, as 0.03 or 3%."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"not a share such as 0.03 or 3%: {text}")
    return value


def output(text):
    path = pathlib.Path(text)
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write there: {text}")
    return path
