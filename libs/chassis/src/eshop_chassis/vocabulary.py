"""What a suite tells the chassis about the codes and the texts of its errors. The chassis itself has none."""

from collections.abc import Mapping
from typing import Protocol


class Vocabulary(Protocol):
    """The codes and texts of one suite. Errors are raised in the first of `languages`, and told in the caller's."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary language tags such as "en"; the first is the one in which errors are raised and stored."""
        ...

    @property
    def meanings(self) -> Mapping[int, str]:
        """What each envelope code of the suite means, beside the general codes."""
        ...

    def code_of(self, short: str) -> int | None:
        """The envelope code that a short code stands for; None where it has none."""
        ...

    def text_in(self, language: str, text: str) -> str:
        """The text in another language; as it is where it is not known."""
        ...
