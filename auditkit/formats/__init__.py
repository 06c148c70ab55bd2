"""Files of rows, read in one way wherever they come from: the bytes of a file in, rows with their line numbers out.

    text         UTF-8, the byte-order mark, lone surrogates
    json_rows    JSON lines, and one JSON document that lists its rows
    tables       CSV and TSV

Nothing is guessed: every cell of a table is text ("NA", "001" and "null" stay what they are), every fault is a
`FormatError` that names file and line, and what users of this package tolerate, each says in its call.
"""
