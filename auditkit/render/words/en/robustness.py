"""The section of robustness runs."""

WORDS = {
    "title": "Robustness",
    "lead":
        "The same samples were asked again in variants that mean the same. A variant is measured on its own and "
        "is not part of any number above; the difference is variant minus clean, paired by sample, over the "
        "samples that both scored. A sample that a perturbation could not change is left out of its variant: n "
        "says how many it changed.",
    "legend.formats": "{kind}: another prompt format with the same fields (the clean samples have format 1)",
    "legend.typos": "{kind}: typing errors inside words, at a rate of {rate} a letter",
    "legend.case": "{kind}: words in capitals",
    "legend.punctuation": "{kind}: a space before punctuation marks inside the text, and no mark at its end",
    "pack_and_kind": "{pack}: {kind}",
    "without": "Without variants, because no prompt surrounds their texts or the model reads none: {packs}.",
    "unchanged": "Not measured, because the perturbation changed no text: {packs}.",
    "code": "{code}, {scale}.",
    "clean": "Clean: {value}, n {n}.",
    "spread": "Over {formats} formats: median {median}, from {low} to {high}.",
    "spread.undefined": "Over {formats} formats ({undefined} undefined): median {median}, from {low} to {high}.",
    "no_difference": "none",
    "table": "{title}, variants",
    "table.caption": "{title}: variants beside the clean samples",
    "column.variant": "Variant",
    "column.value": "Value",
    "column.interval": "{level} interval",
    "column.n": "n",
    "column.difference": "Difference",
    "column.pairs": "Pairs",
    "column.unscored": "Unscored",
    "column.check": "Check",
}
