"""Downloading a file whose hash is pinned: it goes on where it stopped, and another file is refused."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from auditkit.errors import MeasurementError, PackError
from auditkit.load.files import MOST_BYTES, unpack
from auditkit.schema import Upstream, UpstreamFile
from auditkit.schema.event import Event, OnEvent
from auditkit.store.data import pulled_path, save_pulled
from auditkit.store.files import cannot_write

if TYPE_CHECKING:
    import httpx

RAW = "https://raw.githubusercontent.com"
"""Where GitHub serves the files of a commit."""
TRIES = 4
"""Most times that a cut connection is taken up again."""
TIMEOUT = 30.0
"""Seconds without a byte until a connection counts as cut."""


def raw_url(upstream: Upstream, file: UpstreamFile) -> str:
    """Address of a file at its pinned commit."""
    return f"{RAW}/{upstream.repository}/{upstream.commit}/{quote(file.path)}"


def download(upstream: Upstream, file: UpstreamFile, on_event: OnEvent) -> Path:
    """Download a file into the data cache, unless the cache has it.

    What has arrived stays in a `.part` file beside its place, from which the next call goes on.

    Raises:
        PackError: the file that came has another hash or is longer; both hashes are named, and nothing is kept.
        MeasurementError: no connection, an answer other than 200 or 206, or a full disk.
    """
    path = pulled_path(file.sha256, file.file)
    if path.is_file():
        return path
    url = raw_url(upstream, file)
    part = path.with_name(f".{path.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, file, part, on_event)
    except OSError as error:
        raise cannot_write(path, error) from error
    content = _checked(url, file, part)
    save_pulled(file.sha256, file.file, content)
    part.unlink()
    return path


def _fetch(url: str, file: UpstreamFile, part: Path, on_event: OnEvent) -> None:
    import httpx

    problem = ""
    for _ in range(TRIES):
        try:
            with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
                return _append(client, url, file, part, on_event)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == 416:  # nothing is left to send: the part is complete
                return None
            raise MeasurementError(
                f"{url}: the server answered {error.response.status_code}; try again later, or give --mirror DIR"
            ) from None
        except httpx.RequestError as error:
            problem = f"{type(error).__name__}: {error}".rstrip(": ")
    raise MeasurementError(
        f"{url}: cannot be downloaded ({problem}); the same command goes on where it stopped, or give --mirror DIR"
    )


def _append(client: httpx.Client, url: str, file: UpstreamFile, part: Path, on_event: OnEvent) -> None:
    """Stream what is missing of a file to its part; a server that sends all of it replaces the part."""
    size = part.stat().st_size if part.is_file() else 0
    if size >= file.bytes:
        return
    # Without identity, a length would count compressed bytes.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={size}-"} if size else {})}
    with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        goes_on = response.status_code == 206
        done = size if goes_on else 0
        with part.open("ab" if goes_on else "wb") as out:
            for piece in response.iter_bytes():
                out.write(piece)
                done += len(piece)
                on_event(Event("pull", file.file, done, max(file.bytes, 1)))
                if done > file.bytes:
                    return


def _checked(url: str, file: UpstreamFile, part: Path) -> bytes:
    """What came, decompressed where upstream holds it compressed, if it is the pinned file."""
    packed = Path(file.path).suffix
    suffix = packed if packed != Path(file.file).suffix else ""
    try:
        content = unpack(part, suffix, file.bytes if suffix else MOST_BYTES)  # a plain one came no longer than pinned
    except (OSError, EOFError, zlib.error):
        content = part.read_bytes()
    except PackError as error:
        part.unlink()
        raise PackError(f"{url}: {error}; nothing was kept") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        part.unlink()
        raise PackError(
            f"{url}: what came has sha256 {sha256} ({len(content)} bytes), not {file.sha256} ({file.bytes} bytes) as "
            "the card pins; nothing was kept"
        )
    return content
