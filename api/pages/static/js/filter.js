// @ts-check
/**
 * The small language the board is filtered by: plain words, `field:word`, `field>number`, `-` before what is not wanted.
 * Belongs here: reading a filter, and whether a bot passes it, by the rules of `trading/bots/filter.py`. Free of DOM.
 */

const SIMULATED_SOURCE = "simulated";
/** @type {Record<string, (bot: any) => string>} */
const WORDS_OF = {
  name: (bot) => bot.name, symbol: (bot) => bot.symbol, timeframe: (bot) => bot.timeframe, style: (bot) => bot.archetype,
  stage: (bot) => bot.stage, state: (bot) => bot.botNow.state, source: (bot) => bot.source ?? "",
};
const FIELDS = { ...Object.fromEntries(Object.keys(WORDS_OF).map((name) => [name, name])), tf: "timeframe", archetype: "style" };
/** @type {Record<string, (bot: any) => number|null>} */
const FIGURES_OF = {
  gen: (bot) => bot.generation, net: (bot) => bot.netPnl, win: (bot) => bot.winPct, trades: (bot) => bot.trades,
  dd: (bot) => bot.maxDrawdownPct, pf: (bot) => bot.profitFactor, sharpe: (bot) => bot.sharpe,
  e: (bot) => (bot.log10E === null ? null : 10 ** bot.log10E), oos: (bot) => bot.unseenSharpe,
  conf: (bot) => bot.confidencePct, uniq: (bot) => bot.uniquenessPct,
};
const WHOLE = new Set(["symbol", "timeframe", "stage"]);
/** Where a plain word is looked for, and whether it must then be all of it. */
const PLAIN = Object.entries({ name: false, symbol: false, style: false, source: false, timeframe: true, stage: true });
/** @type {Record<string, (figure: number, wanted: number) => boolean>} */
const RELATIONS = {
  ":": (figure, wanted) => figure === wanted, "=": (figure, wanted) => figure === wanted,
  ">": (figure, wanted) => figure > wanted, ">=": (figure, wanted) => figure >= wanted,
  "<": (figure, wanted) => figure < wanted, "<=": (figure, wanted) => figure <= wanted,
};
const TERM = /^([a-z]+)(>=|<=|[:=><])(.*)$/s;
const NUMBER = /^-?\d{1,12}(\.\d{1,6})?$/;

/** @typedef {(bot: any) => boolean} Holds */

/** @param {string} text @returns {{holds: Holds, wrong: string|null}} nothing passes a filter that cannot be read */
export function filterOf(text) {
  try {
    const terms = text.toLowerCase().split(/\s+/).filter(Boolean).map(signed);
    return { holds: (bot) => terms.every((holds) => holds(bot)), wrong: null };
  } catch (failure) {
    return { holds: () => false, wrong: /** @type {Error} */ (failure).message };
  }
}

function signed(term) {
  if (term === "-") return () => true;
  if (!term.startsWith("-")) return termOf(term);
  const holds = termOf(term.slice(1));
  return (bot) => !holds(bot);
}

/** @param {string} term @returns {Holds} */
function termOf(term) {
  const parts = TERM.exec(term);
  if (!parts) return plain(term);
  const [, name, relation, value] = parts;
  if (Object.hasOwn(FIGURES_OF, name)) return figure(name, relation, value);
  if (!Object.hasOwn(FIELDS, name)) {
    throw new Error(`there is no field ${name}; fields are ${[...Object.keys(FIELDS), ...Object.keys(FIGURES_OF)].join(", ")}`);
  }
  if (relation !== ":" && relation !== "=") throw new Error(`${name} is a word, so it takes : and not ${relation}`);
  const wanted = value.split(",").filter(Boolean);
  return wanted.length ? (bot) => wanted.some((word) => isSaid(bot, FIELDS[name], word, WHOLE.has(FIELDS[name]))) : () => true;
}

function plain(word) {
  return (bot) => PLAIN.some(([name, whole]) => isSaid(bot, name, word, whole)) || word === `g${bot.generation}`;
}

function isSaid(bot, name, word, whole) {
  const words = WORDS_OF[name](bot).toLowerCase();
  if (name === "source" && word === "real") return words !== "" && words !== SIMULATED_SOURCE;
  return whole ? words === word : words.includes(word);
}

function figure(name, relation, value) {
  if (!value) return () => true;
  const wanted = name === "gen" ? value.replace(/^g/, "") : value;
  if (!NUMBER.test(wanted)) throw new Error(`${name} is compared with a number, was ${value}`);
  const [compare, number] = [RELATIONS[relation], Number(wanted)];
  return (bot) => {
    const figure = FIGURES_OF[name](bot);
    return figure !== null && figure !== undefined && compare(figure, number);
  };
}
