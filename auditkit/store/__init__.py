"""Everything on disk: run folder, journal, answer cache, per-sample scores."""

from auditkit.errors import PlatformError

try:
    import fcntl as fcntl
except ModuleNotFoundError as missing:  # before any module of this package: none of them works there
    raise PlatformError(missing.name) from None
