"""The section with the command that makes the audit again."""

WORDS = {
    "title": "Reproduce",
    "lead": "This command makes the audit again. With the same weights and versions the new audit has the same id.",
    "lead.id":
        "This command makes the audit again. With the same weights and versions the new audit has the same id, "
        "{id}.",
    "command": "Command that reproduces the audit",
}
