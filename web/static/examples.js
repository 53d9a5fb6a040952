/* Queries to begin with, made from what the catalog holds. */

const COLOUR = /^(base_?)?colou?r$/i;
const THING = /^(article(_?type)?|product_?type|item_?type|type|category|sub_?category)$/i;
const NUMBER = 6;

const frequent = (attribute) => attribute.values.map(({ value }) => String(value)).filter((value) => /\p{L}{2}/u.test(value)).slice(0, NUMBER);

/** "Navy Blue", "Tshirts" → "Navy blue tshirts"; "HD TV" stays. */
function phrase(...words) {
  const text = words.flatMap((word) => word.split(/\s+/)).map((word) => (/^\p{Lu}\p{Ll}/u.test(word) ? word.toLocaleLowerCase() : word)).join(" ");
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** @param {object[]} attributes of the release @returns {string[]} at most six queries */
export function exampleQueries(attributes) {
  const categories = attributes.filter(({ type, values }) => type === "category" && Array.isArray(values) && values.length > 0);
  const colour = categories.find(({ name }) => COLOUR.test(name));
  const thing = categories.find(({ name }) => /^article/i.test(name)) ?? categories.find(({ name }) => THING.test(name));
  const colours = colour ? frequent(colour) : [];
  if (colours.length && thing) {
    return frequent(thing).map((value, place) => phrase(colours[place % colours.length], value));
  }
  const firsts = categories.slice(0, 2).map(frequent);
  if (firsts.length === 0) return [];
  if (firsts.length === 1) return firsts[0].map((value) => phrase(value));
  return [...new Set(firsts.flatMap((values) => values.slice(0, NUMBER / 2)))].map((value) => phrase(value));
}
