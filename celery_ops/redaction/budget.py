"""How much may be looked through: so no text, however it is made, takes longer than another of its length."""

from typing import Final

#: Characters of one field that are looked through: its texts are, up to what is shown of each and a little beyond.
FIELD: Final = 32_768
#: Steps of one field, some half a microsecond each: what is looked at one by one, such as a key before a colon. A text
#: of 2 KiB has some fifty.
STEPS: Final = 200
#: Characters of one page: 200 rows of long tracebacks and short errors are within it.
PAGE: Final = 1_300_000
#: Steps of one page: as many as a field has, for each of 200 rows.
PAGE_STEPS: Final = 200 * STEPS


class Budget:
    """What is left of the characters and steps of one field; ``page`` is what all its fields share.

    What there is no budget for is never shown.
    """

    __slots__ = ("characters", "is_spent", "page", "steps")

    def __init__(self, characters: int = FIELD, steps: int = STEPS, page: "Budget | None" = None) -> None:
        self.characters, self.steps, self.page = characters, steps, page
        self.is_spent = characters <= 0

    @classmethod
    def of_page(cls) -> "Budget":
        """Return what the fields of one page share."""
        return cls(PAGE, PAGE_STEPS)

    def field(self) -> "Budget":
        """Return the budget of one field of this page."""
        return Budget(page=self)

    def again(self) -> "Budget":
        """Return the budget for looking through the same field once more."""
        return Budget(page=self.page)

    def read(self, characters: int) -> bool:
        """Take this many characters; return whether there were as many."""
        is_enough = characters <= self.characters and (self.page is None or self.page.read(characters))
        self.characters = self.characters - characters if is_enough else 0
        self.is_spent = self.is_spent or self.characters <= 0
        return is_enough

    def step(self, steps: int = 1) -> bool:
        """Take steps; return whether there were any left."""
        self.steps -= steps
        is_enough = self.steps >= 0 and (self.page is None or self.page.step(steps))
        if not is_enough:
            self.steps, self.is_spent = -1, True
        return is_enough
