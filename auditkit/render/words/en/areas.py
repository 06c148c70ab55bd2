"""The section of a benchmark."""

WORDS = {
    "measures": "What it measures",
    "limits": "What it does not show",
    "no_card.measures": "The audit holds no card for this benchmark.",
    "no_card.limits": "Unknown: the audit holds no card for this benchmark.",
    "fact.rows": "Rows audited",
    "rows_of": "{n} of {total} ({share})",
    "fact.version": "Version",
    "fact.language": "Language",
    "fact.clusters": "Clusters by",
    "fact.rule": "Scoring rule",
    "fact.licence": "Licence",
    "fact.source": "Source",
    "fact.citation": "Citation",
    "cases": "Cited samples",
    "sensitive":
        "**Sensitive text.** The samples below hold stereotypes, false claims or unedited model output. They are "
        "there to test the model and are not statements of fact. They stay closed until opened.",
    "evidence": "Of their texts this audit keeps: {kept}.",
    "more_cases": "{n} more, cited for a part of the rows",
}
