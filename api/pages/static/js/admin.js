// @ts-check
/** Calls that need the admin token. Belongs here: sending them and reading refusals. The token is the caller's to keep. */

/**
 * @param {string} path @param {unknown} body @param {{token: string, key?: string}} proof
 * @returns {Promise<{done: any} | {refused: string, why: string, trace: string|null}>}
 */
export async function callAdmin(path, body, { token, key }) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json", "X-Admin-Token": token };
  if (key) headers["Idempotency-Key"] = key;
  try {
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const reply = await answer.json();
    if (answer.ok) return { done: reply };
    return { refused: reply.code, why: reply.detail, trace: reply.traceId ?? null };
  } catch {
    return { refused: "NO ANSWER", why: "The server cannot be reached. Whether it took effect is unknown; repeat it.", trace: null };
  }
}

/** @returns {string} a key under which a repeated request has one effect */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
