"""From outputs to scores and estimates: reading answers, metrics, groups, cited samples."""
