/* A query, and the address that stands for it. The picture is not part of either: it has no address. */

/** How many products are asked for, and what "Show more" raises it to; the last is the service's limit. */
export const STEPS = [24, 48, 96, 200];

export const EVEN = 50; // the mix at which words and picture weigh the same

/**
 * @typedef {object} Query
 * @property {string} text
 * @property {string[]} like product ids
 * @property {Object<string, string[]|boolean|{min?: number, max?: number}>} filters
 * @property {number|null} balance 0 = looks only, 1 = words only, null = the release's default
 * @property {number} mix 0 = query words only, 100 = query picture only
 * @property {number} k
 */

export const emptyFilters = () => Object.create(null); // attribute names are the catalog's own: no prototype to collide with

/** @returns {Query} */
export const emptyQuery = () => ({ text: "", like: [], filters: emptyFilters(), balance: null, mix: EVEN, k: STEPS[0] });

const numberIn = (text, low, high) => {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) && value >= low && value <= high ? value : null;
};

const stepFor = (k) => (k === null ? STEPS[0] : (STEPS.find((step) => step >= k) ?? STEPS.at(-1)));

/**
 * Reads a query from an address. What cannot be read is left out.
 * @param {string} search `location.search`
 * @returns {Query}
 */
export function readAddress(search) {
  const parameters = new URLSearchParams(search);
  const query = emptyQuery();
  query.text = (parameters.get("q") ?? "").trim();
  query.like = [...new Set(parameters.getAll("like").filter(Boolean))];
  query.balance = numberIn(parameters.get("balance"), 0, 1);
  query.mix = numberIn(parameters.get("mix"), 0, 100) ?? EVEN;
  query.k = stepFor(numberIn(parameters.get("k"), 1, 1e6));
  for (const [key, value] of parameters) {
    const dot = key.indexOf(".");
    if (dot < 0 || value === "") continue;
    const [kind, name] = [key.slice(0, dot), key.slice(dot + 1)];
    if (!name) continue;
    if (kind === "is" && (value === "true" || value === "false")) query.filters[name] = value === "true";
    else if (kind === "in") query.filters[name] = [...new Set([...(Array.isArray(query.filters[name]) ? query.filters[name] : []), value])];
    else if (kind === "min" || kind === "max") {
      const bound = numberIn(value, -Infinity, Infinity);
      if (bound !== null) query.filters[name] = { ...query.filters[name], [kind]: bound };
    }
  }
  return query;
}

/** @param {Query} query @returns {string} `location.search` for it, "" for the start page */
export function writeAddress(query) {
  const parameters = new URLSearchParams();
  if (query.text) parameters.set("q", query.text);
  for (const id of query.like) parameters.append("like", id);
  for (const [name, wanted] of Object.entries(query.filters)) {
    if (typeof wanted === "boolean") parameters.set(`is.${name}`, String(wanted));
    else if (Array.isArray(wanted)) for (const value of wanted) parameters.append(`in.${name}`, value);
    else for (const bound of ["min", "max"]) if (wanted[bound] !== undefined) parameters.set(`${bound}.${name}`, String(wanted[bound]));
  }
  if (query.balance !== null) parameters.set("balance", String(query.balance));
  if (query.mix !== EVEN) parameters.set("mix", String(query.mix));
  if (query.k !== STEPS[0]) parameters.set("k", String(query.k));
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/** How many single filters are set: every chosen value and every range counts as one. */
export const filterCount = (filters) =>
  Object.values(filters).reduce((total, wanted) => total + (Array.isArray(wanted) ? wanted.length : 1), 0);

/** Filters with one attribute's wish replaced; an empty wish removes it. */
export function withFilter(filters, name, wanted) {
  const next = Object.assign(emptyFilters(), filters);
  const empty =
    wanted === null || wanted === undefined || (Array.isArray(wanted) && wanted.length === 0) ||
    (typeof wanted === "object" && !Array.isArray(wanted) && wanted.min === undefined && wanted.max === undefined);
  if (empty) delete next[name];
  else next[name] = wanted;
  return next;
}
