"""One module a row format. Each has `read(file, beside) -> Iterator[Row]`, named by the card's `reader`.

Modules named after a data set read its published files, faults included: what a fault means is said on the card.
"""
