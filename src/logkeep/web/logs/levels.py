"""Levels as senders write them, and the few kinds that are told apart by colour."""

from __future__ import annotations

KINDS = ("fatal", "error", "warn", "info", "debug", "trace", "none")
"""The gravest first. Each has its colour in base.css, and `level.js` knows the same words."""

_WORDS = {
    "fatal": "fatal critical crit emergency emerg alert panic",
    "error": "error err severe failure fail failed",
    "warn": "warn warning",
    "info": "info information informational notice ok success",
    "debug": "debug dbug fine",
    "trace": "trace verbose silly finer finest",
}
WORDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}


def kind_of(level: str) -> str:
    return WORDS.get(level.strip().lower(), "none")
