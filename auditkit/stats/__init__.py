"""Columns of numbers in, intervals and records out. No metric's formula stands here (those are in `measure/metrics`).

From the bottom up; read `estimates` first, for it is what `measure` calls:

    columns      `ScoreColumn`: values, reasons, clusters and parts, one row a sample
    clusters     cluster sums, the sandwich variance, effective clusters, correlations
    ranks        ranks of weighted rows
    shares       limits of hits and of clustered shares
    mover        limits of differences, ratios and gaps from those of their parts
    intervals    the limits of a `Spread` at any level, and p-values as their inversion
    means        a mean or share with the spread that fits its kind of score
    contrasts    differences and ratios of two groups; largest gap and smallest ratio of k groups
    fills        what the samples without a score could have made of a mean or a contrast
    weighted     what a statistic over a corpus is made of: parts, and a value under weights
    jackknife    such a statistic without each cluster in turn
    corpus       its readings and fills; `@statistic`
    corpus_gaps  its largest gap between groups
    estimates    builders of `Estimate` records

Beside them, on readings and p-values:

    paired            two systems, or two sides of a swap, on the same samples
    multiplicity      Holm, Benjamini–Hochberg, Benjamini–Yekutieli
    power             sample sizes, detectable differences, and the n that would decide a check
"""
