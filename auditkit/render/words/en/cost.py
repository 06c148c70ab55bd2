"""The section of cost and efficiency."""

WORDS = {
    "title": "Cost",
    "nothing": "Nothing was recorded about time, memory or requests.",
    "fact.wall": "Wall time of the last process",
    "fact.model": "Model time for answers, all processes",
    "fact.memory": "Peak memory",
    "fact.requests": "Requests",
    "fact.cache": "From the cache",
    "hits": "{n} ({share})",
    "fact.before": "In the run folder before the last command",
    "fact.tokens": "Tokens read and written",
    "stages": "Time by stage",
    "column.stage": "Stage",
    "column.time": "Time",
    "column.share": "Share of wall time",
    "efficiency": "Efficiency",
    "efficiency.lead":
        "Measured in this run, and useful to choose between models on one machine: it depends on the machine, its"
        " load and the batches. No check reads it.",
    "fact.parameters": "Parameters",
    "fact.disk": "Weights on disk",
    "memory": "{size}, auditkit included",
    "fact.gpu_memory": "Peak memory on the GPU",
    "fact.load": "Load time",
    "fact.throughput": "Throughput",
    "tokens_per_second": "{number}\u00a0tokens/s",
    "fact.latency_median": "Latency, median",
    "fact.latency_p95": "Latency, 95th percentile",
    "fact.answers": "Answers timed",
    "answers": "{n}, none from the cache",
    "latency.batch":
        "Latency is a batch’s time divided evenly among its requests: a single request alone would wait longer.",
    "latency.request":
        "Latency is from sending to answer, retries and waits included, with other requests in flight.",
    "fact.price": "Cost",
    "prices": "{input} for a million tokens read, {output} for a million written",
    "price": "{cost} ({prices}; {read} tokens read, {written} written; retries and probes not counted)",
    "price_unknown": "not known: the endpoint did not count the tokens of every answer ({prices})",
    "machine": "Machine",
}
