"""Why a file cannot be read: a code whose words are in the feature's texts, and the values that fill them."""


class Unreadable(Exception):
    """The file is refused as a whole."""

    def __init__(self, code: str, **values: str | int) -> None:
        self.code = code
        self.values = values
        super().__init__(code)
