"""A page of another origin, in a real browser beside the platform, that tries every way it has to change something.

Belongs here: the page, its ways, serving it under another host name. Does not belong here: what must not have changed.
"""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page

HOST = "evil.example"
RESOLVED = f"--host-resolver-rules=MAP {HOST} 127.0.0.1"
PUBLIC_TOKEN = "dev-admin-secret"
KILL = {"engaged": True, "reasonCode": "A_STRANGER_DID_IT"}
RESET = {"scope": "ALL", "reasonCode": "A_STRANGER_DID_IT", "dryRun": False}
WAYS = """async ({graphql, asks, writes, socket}) => {
  const outcomes = [];
  const settled = async (name, work) => {
    try { const answer = await work(); outcomes.push([name, answer?.type ?? "sent", answer?.status ?? 0]); }
    catch (failure) { outcomes.push([name, "refused", String(failure)]); }
  };
  const form = (address, fields, enctype) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.name = `f${Math.random()}`;
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { action: address, method: "post", enctype, target: frame.name });
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement("input"), { name, value }));
    }
    document.body.append(form);
    frame.addEventListener("load", () => done());
    form.submit();
    setTimeout(done, 1500);
  });
  const picture = (address) => new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = () => done();
    image.src = address;
  });
  for (const ask of asks) {
    const query = new URLSearchParams({ query: ask.query, variables: JSON.stringify(ask.variables) });
    const body = JSON.stringify(ask);
    const plain = { "Content-Type": "text/plain" };
    await settled("picture", () => picture(`${graphql}?${query}`));
    await settled("get", () => fetch(`${graphql}?${query}`, { mode: "no-cors" }));
    await settled("post in address", () => fetch(`${graphql}?${query}`, { mode: "no-cors", method: "POST" }));
    await settled("post plain", () => fetch(graphql, { mode: "no-cors", method: "POST", headers: plain, body }));
    const both = { "Content-Type": "text/plain; application/json" };
    await settled("post both", () => fetch(graphql, { mode: "no-cors", method: "POST", headers: both, body }));
    const json = { "Content-Type": "application/json" };
    await settled("post json", () => fetch(graphql, { method: "POST", headers: json, body }));
    await settled("form", () => form(`${graphql}?${query}`, {}, "text/plain"));
    await settled("beacon", () => navigator.sendBeacon(graphql, new Blob([body], { type: "text/plain" })));
  }
  for (const [address, wish, token] of writes) {
    const body = JSON.stringify(wish);
    const json = { "Content-Type": "application/json", "X-Admin-Token": token };
    await settled("write", () => fetch(address, { method: "POST", headers: json, body }));
    await settled("write plain", () => fetch(address, { mode: "no-cors", method: "POST", body }));
    await settled("write form", () => form(address, { [body]: "" }, "text/plain"));
  }
  for (const [address, protocol] of socket) {
    await settled("socket", () => new Promise((done, fail) => {
      const open = protocol ? new WebSocket(address, protocol) : new WebSocket(address);
      open.onopen = () => { open.close(); done({ type: "opened", status: 101 }); };
      open.onerror = () => fail(new Error("closed"));
    }));
  }
  return outcomes;
}"""


@contextmanager
def strange_page(browser: BrowserContext, *, host: str) -> Iterator[Page]:
    """Serve an empty page at a port of its own, and open it under a host name."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>kittens</title><body>")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        try:
            page.goto(f"http://{host}:{server.server_port}/")
            yield page
        finally:
            page.close()
            server.shutdown()


def every_way(*, api: str, dagster: str, asks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page is to try, against addresses such as `127.0.0.1:5000`."""
    return {
        "graphql": f"http://{dagster}/graphql",
        "asks": asks,
        "writes": [
            (f"http://{api}/api/admin/kill-switch", KILL, PUBLIC_TOKEN),
            (f"http://{api}/api/admin/reset-metrics", RESET, PUBLIC_TOKEN),
        ],
        "socket": [(f"ws://{api}/ws/bots?topic=pulse", ""), (f"ws://{dagster}/graphql", "graphql-ws")],
    }
