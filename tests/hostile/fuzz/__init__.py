"""Random and structured inputs for everything that auditkit reads and others write."""
