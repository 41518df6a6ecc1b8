"""What an operator is told when a command cannot keep its promise."""


class NotAsPromised(Exception):
    """Something is not as it should be; the text says what."""
