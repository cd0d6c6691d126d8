// @ts-check
/**
 * Bots that have left the fleet, for who wants to see them on the board. Belongs here: fetching them all, as rows of the board.
 * They are in no snapshot and no message, so they are asked for when they are looked at.
 */

const LEAST_E = 1e-9;

/** @returns {Promise<any[]>} every archived bot, its figures as `api/live/rows.py` names them; equity lines are asked for when they come in sight */
export async function archivedBots() {
  const bots = [];
  for (let cursor = /** @type {string|null} */ (""); cursor !== null; ) {
    const query = new URLSearchParams({ state: "ARCHIVED", sort: "name", limit: "500", ...(cursor && { cursor }) });
    const answer = await fetch(`/api/bots?${query}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const page = await answer.json();
    bots.push(...page.data.map(rowOf));
    cursor = page.nextCursor;
  }
  return bots;
}

/** @param {any} answered one bot of `/api/bots` @returns {any} */
function rowOf({ metrics, record, ...bot }) {
  const { inSample, bustAt, generation } = metrics;
  const caveats = Number(inSample) + (bustAt ? 2 : 0) + (generation === null || generation === bot.generation ? 0 : 4);
  const evidence = { log10E: record ? Math.log10(Math.max(record.eValue, LEAST_E)) : null, unseenSharpe: record?.sharpe ?? null, proven: record?.proven ?? false };
  return { ...metrics, ...bot, ...evidence, caveats, source: metrics.dataSource, lockedUntil: bot.stageLockedUntil, promotion: bot.promotionMode };
}
