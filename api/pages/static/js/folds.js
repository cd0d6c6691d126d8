// @ts-check
/** Lines that follow each other and say the same, as one line with their number. Free of DOM. */

/**
 * @template Row
 * @param {Row[]} rows
 * @param {{same: (row: Row, next: Row) => boolean, key: (row: Row) => string, open: Set<string>, least?: number}} how `open`
 *   holds the keys of runs that a person unfolded: a run is known by its last line, since new lines come before it
 * @returns {(Row & {run?: Row[]})[]} a folded line is the first of its run, which it holds
 */
export function folded(rows, { same, key, open, least = 3 }) {
  const lines = [];
  for (let at = 0; at < rows.length; ) {
    let end = at + 1;
    while (end < rows.length && same(rows[at], rows[end])) end += 1;
    const run = rows.slice(at, end);
    if (run.length < least || open.has(key(rows[end - 1]))) lines.push(...run);
    else lines.push({ ...rows[at], run });
    at = end;
  }
  return lines;
}

/** @param {{run?: any[]}} row @returns {{act: string}[]} what unfolds a folded line, if it is one */
export function unfolder({ run }) {
  return run ? [{ act: `×${run.length}` }] : [];
}

/** Unfold a run. @param {{run?: any[]}} row @param {(row: any) => string} key @param {Set<string>} open */
export function unfold({ run }, key, open) {
  if (run) open.add(key(run[run.length - 1]));
}
