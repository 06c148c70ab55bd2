"""Models behind an OpenAI-compatible endpoint."""

from auditkit.models.families import Family

SCHEME = "openai:"

FAMILY = Family(
    name="api",
    description="OpenAI-compatible endpoint",
    scheme=SCHEME,
    forms=(f"{SCHEME}MODEL@BASE_URL",),
    opener="auditkit.models.endpoint.adapter:open_api",
    remote=True,
)
