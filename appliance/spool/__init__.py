"""The journal on the card, and the history of what became of each message."""
