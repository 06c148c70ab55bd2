"""Scores and estimates from outputs.

In the order in which an output becomes an estimate:

    answers           what an output says: a label, classes, a number, a text, or why there is none
    scorers/          patterns that read texts: letters, refusals, entities, scripts
    definition        what a metric is: `Metric`, `@metric`
    version           the hash of the source that makes a metric's number
    metrics/          the metrics, a family a module: score, formula over the corpus, the same by the field's library
    table             one metric's scores as columns, one row a sample or origin
    measurement       `measure`: estimates pooled, by slice, by group, and contrasts of groups
    robustness        the same for variants, and their differences to the clean samples
    groups            group metrics as fairlearn defines and computes them
    citing            which samples an estimate cites

Between metrics and the library `evaluate`:

    evaluate_form     how a metric is offered as an `evaluate.Metric`
    evaluate_export   makes one of a metric
    evaluate_modules  makes a metric of one that a card names
"""
