"""One of each thing that a package can add to auditkit: each module is one of them, whole."""
