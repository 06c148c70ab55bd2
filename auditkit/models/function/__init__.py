"""Any Python function as a model: pipelines, scikit-learn models, clients of a server."""

from auditkit.models.families import Family

SCHEME = "python:"

FAMILY = Family(
    name="function",
    description="a Python function: texts to labels, probabilities or texts",
    scheme=SCHEME,
    forms=(f"{SCHEME}PACKAGE.MODULE:FUNCTION",),
    opener="auditkit.models.function.opening:open_function",
    runs_code=True,
)
