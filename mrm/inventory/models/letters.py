"""Words within words: what a text holds, any three letters in a row, and what a text looked for asks of it."""

from django.db.models import BooleanField, Func, Value


class LettersOf(Func):
    """Every three letters in a row of texts, in capitals as `icontains` compares them; at the ends also fewer."""

    template = "inventory_letters(%(expressions)s)"
    arg_joiner = " || chr(10) || "


class HoldLetters(Func):
    """Whether texts hold all letters of the one looked for: true of every text that holds it, and of some others."""

    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, text: str, *columns: str) -> None:
        super().__init__(LettersOf(*columns), Func(Value(text), function="inventory_letters_asked"))
