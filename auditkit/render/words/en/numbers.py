"""Signs, units and words of numbers. NBSP keeps a number and its unit on one line."""

NBSP = "\u00a0"

WORDS = {
    "decimal_sign": ".",
    "thousands_sign": ",",
    "minus": "\u2212{number}",
    "plus": "+{number}",
    "percent": "{number}" + NBSP + "%",
    "points": "{number}" + NBSP + "points",
    "interval": "[{low}," + NBSP + "{high}]",
    "no_interval": "none",
    "undefined": "undefined",
    "below": "< {number}",
    "seconds": "{seconds}" + NBSP + "s",
    "minutes": "{minutes}" + NBSP + "min {seconds}" + NBSP + "s",
    "hours": "{hours}" + NBSP + "h {minutes}" + NBSP + "min",
    "milliseconds": "{number}" + NBSP + "ms",
    "not_measured": "not measured",
    "mebibytes": "{number}" + NBSP + "MiB",
    "gibibytes": "{number}" + NBSP + "GiB",
}
