"""News to a web address, as JSON, from a thread of its own.

Invariant: nothing here stops or delays the watching. Tries are bounded, and so is what waits. An
address often is a secret, so no message holds more of it than its host; and it is not followed to
another one.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from clipstore import __version__
from clipstore.errors import WebhookRefused

PAUSES_S = (1.0, 5.0)
"""Before the second and the third try; then the news is dropped."""
TIMEOUT_S = 10.0
MOST_WAITING = 100
"""More news than a person reads: what comes when so many wait is dropped."""


class Webhook:
    """Posts to one address. Use as a context manager: at the end it waits a little for the rest."""

    def __init__(
        self,
        url: str,
        announce: Callable[[str], None],
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`announce` gets a sentence for each failure, in the thread that posts.

        Raises `WebhookRefused` for what is no web address.
        """
        self._url = url
        self._host = _host(url)
        self._announce = announce
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._post_all, name="webhook", daemon=True)
        self._thread.start()

    def __enter__(self) -> Webhook:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def send(self, news: Mapping[str, object]) -> None:
        """Post this soon. Never raises and never waits."""
        try:
            self._waiting.put_nowait(json.dumps(news, ensure_ascii=False).encode("utf-8"))
        except queue.Full:
            self._announce(f"webhook {self._host}: {MOST_WAITING} messages wait; one was dropped.")

    def close(self) -> None:
        """Wait for what is left, as long as one message may take."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        tries = len(self._pauses_s) + 1
        self._thread.join(tries * self._timeout_s + sum(self._pauses_s))

    def _post_all(self) -> None:
        while (body := self._waiting.get()) is not None:
            self._post(body)

    def _post(self, body: bytes) -> None:
        for pause_s in (*self._pauses_s, None):
            why = self._try(body)
            if why is None:
                return
            if pause_s is not None:
                time.sleep(pause_s)
        tries = len(self._pauses_s) + 1
        self._announce(f"webhook {self._host}: not delivered after {tries} tries: {why}.")

    def _try(self, body: bytes) -> str | None:
        """Why it did not get there; None when it did."""
        request = urllib.request.Request(
            self._url,
            body,
            {"Content-Type": "application/json", "User-Agent": f"clipstore/{__version__}"},
            method="POST",
        )
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=self._timeout_s):
                return None
        except urllib.error.HTTPError as error:
            return f"it answered {error.code}"
        except urllib.error.URLError as error:
            return getattr(error.reason, "strerror", None) or type(error.reason).__name__
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would send the news, as a GET without them, to an address nobody gave."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WebhookRefused("it cannot be read as an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise WebhookRefused("it must begin with http:// or https:// and name a host")
    return host if port is None else f"{host}:{port}"
