"""Metrics, one family a module; each is registered as the entry point `metric.NAME = module:object`.

A module holds all that one metric is: the score of a sample (`@metric`), where it is not a mean of scores the formula
over the corpus with its extreme fills (`@statistic`), and the same number by the field's library (`EvaluateForm`).
"""
