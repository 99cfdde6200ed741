"""The note of a job on a store that writes on a condition, and so gives it to one job of several.

S3 does by ``If-None-Match`` and ``If-Match``, others by names of their own, which ``obstore`` knows. It finds
credentials in the environment and in the machine's role; pyarrow, which writes everything else, also in a profile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from execground_ray.output.layout import LOCK
from execground_ray.output.note import Found, Note, content_of
from execground_ray.output.storage import Folder

STORE_SECONDS = 10.0  # before another way is tried, with the credentials that pyarrow finds


class StoreNote(Note):
    """A note on a store that writes on a condition, and so gives it to one job of several.

    Args:
        folder: of the output.
        holder: who the job is.

    Raises:
        OSError: nobody knows such stores.
    """

    def __init__(self, folder: Folder, holder: str) -> None:
        super().__init__(holder)
        from obstore.store import from_url  # only such outputs need it

        given = {name: values[0] for name, values in parse_qs(folder.options).items()}
        region = given.get("region") or getattr(folder.filesystem, "region", None)
        config: dict[str, Any] = {"region": region} if region and folder.filesystem.type_name == "s3" else {}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        if override := given.get("endpoint_override"):
            endpoint = override if "://" in override else f"{given.get('scheme', 'https')}://{override}"
            config["endpoint"] = endpoint
        with _as_os_error():
            self._store: Any = from_url(
                folder.location,
                client_options={"timeout": f"{STORE_SECONDS:.0f}s", "allow_http": endpoint.startswith("http://")},
                retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=STORE_SECONDS)},
                **config,
            )

    def read(self) -> Found | None:
        """Ask the store for the note."""
        import obstore

        with _as_os_error():
            try:
                answer = obstore.get(self._store, LOCK)
                return Found(content_of(bytes(answer.bytes())), _state(answer.meta))
            except FileNotFoundError:
                return None

    def put(self, before: Found | None) -> bool:
        """Let the store decide; it may do what was asked, and only its answer be lost on the way."""
        written = self._put(before)
        if written and before is None and self._put(None):
            self.release()
            raise OSError("the store does not heed If-None-Match")
        return written or self.is_own(self.read())

    def _put(self, before: Found | None) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = before.state if before else "create"
        with _as_os_error():
            try:
                obstore.put(self._store, LOCK, self.text(), mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return False
            except FileNotFoundError:
                if before:
                    return False
                raise
        return True

    def delete(self) -> None:
        """Have the store delete it."""
        import obstore

        with _as_os_error():
            obstore.delete(self._store, LOCK)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Raise what a store says as one line of ``OSError``; it says more, and in its own types."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, ValueError, NotImplementedError) as error:
        raise OSError(str(error).partition("\n")[0].partition("<?xml")[0].strip()) from error


def _state(meta: Any) -> dict[str, str]:
    """Return what a store calls a state of a file; some give it two names."""
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name)}
