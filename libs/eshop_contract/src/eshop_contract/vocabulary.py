"""The codes and texts of this shop, as the chassis asks for them: English as raised, Chinese found by the English."""

import re
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Final

from eshop_contract import refusals
from eshop_contract.texts import GENERAL, NOUNS, RULES, SENTENCES

LANGUAGES: Final = ("en", "zh")
# Longer texts are not in the table, and would fill the cache.
_LONGEST = 600
_FACTS: Final = {
    "order": r"\S+",
    "op": r"\S*",
    "noun": "|".join(NOUNS),
    "id": r"\S+",
    "field": r"[^:]+",
    "bound": r"\S+",
    "reason": ".*",
    "rest": ".*",
}
"""What a name in braces may stand for; an integer if it is not listed here."""


class ShopVocabulary:
    """The vocabulary of the shop."""

    languages = LANGUAGES

    @property
    def meanings(self) -> Mapping[int, str]:
        """What each envelope code of the shop means, in English."""
        return {code: english for code, (english, _) in refusals.MEANINGS.items()}

    def code_of(self, short: str) -> int | None:
        """The envelope code that a short code stands for; None for one that is not in the table."""
        return refusals.code_of(short)

    def text_in(self, language: str, text: str) -> str:
        """The sentence in another language; unchanged if there is no translation."""
        return text if language == "en" or len(text) > _LONGEST else _chinese(text)


class _Sentences:
    """English templates and their Chinese translations."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._whole = {english: chinese for english, chinese in templates.items() if "{" not in english}
        self._patterns = [
            (_pattern(english), chinese) for english, chinese in templates.items() if english not in self._whole
        ]

    def find(self, text: str) -> str | None:
        """The Chinese sentence; None if no template matches."""
        if text in self._whole:
            return self._whole[text]
        for pattern, chinese in self._patterns:
            if found := pattern.fullmatch(text):
                facts = {name: NOUNS.get(fact, fact) for name, fact in found.groupdict().items()}
                return chinese.format(**facts)
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>{_FACTS.get(name, '[0-9]+')})")
    return re.compile("".join(parts), re.DOTALL)


_SENTENCES: Final = _Sentences(
    {kind.english: kind.chinese for kind in refusals.KINDS} | dict(refusals.MEANINGS.values()) | GENERAL | SENTENCES
)
_RULES: Final = _Sentences(RULES)


@lru_cache(maxsize=4096)
def _chinese(text: str) -> str:
    found = _SENTENCES.find(text)
    if found is not None:
        return found
    field, colon, problem = text.partition(": ")
    rule = _RULES.find(problem) if colon else None
    return text if rule is None else f"{field}：{rule}"


SHOP: Final = ShopVocabulary()
