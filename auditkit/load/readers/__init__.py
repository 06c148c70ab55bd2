"""One module a row format. Each has `read(path, where) -> Iterator[Row]`, named by the card's `reader`."""
