/* How names, numbers and scores are written for people. */

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** "baseColour" → "Base colour", "in_stock" → "In stock", "SKU" stays. */
export function humanise(name) {
  const words = String(name)
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .split(/[\s_\-.]+/u)
    .filter(Boolean)
    .map((word) => (/^\p{Lu}{2,}$/u.test(word) ? word : word.toLowerCase()));
  const sentence = words.join(" ");
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

export const count = (number) => WHOLE.format(number);

export const products = (number) => `${count(number)} ${number === 1 ? "product" : "products"}`;

export const isPrice = (name) => /price/i.test(name);

/** Numbers below 10,000 are not grouped: a year is 2019 and not 2,019. */
export function number(value) {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: 2, useGrouping: Math.abs(value) >= 10000 }).format(value);
}

export function price(value, currency) {
  if (typeof currency === "string" && currency) {
    try {
      return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(value);
    } catch {
      return `${price(value)} ${currency}`; // not an ISO 4217 code
    }
  }
  return new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}

/** One attribute's value as text; "" when the product has none. */
export function attributeValue(name, value, attributes = {}) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value === "number") return isPrice(name) ? price(value, attributes.currency) : number(value);
  return String(value);
}

/** The name of the attribute to show as the price: "price" itself before "list_price" and the like. */
export function priceName(attributes) {
  const names = Object.keys(attributes).filter((name) => isPrice(name) && typeof attributes[name] === "number");
  return names.find((name) => name.toLowerCase() === "price") ?? names[0] ?? null;
}

export const score = (value) => value.toFixed(2).replace("-", "\u2212");

export function milliseconds(value) {
  if (value < 1) return "<\u00a01\u00a0ms";
  return `${count(value)}\u00a0ms`;
}

export function seconds(value) {
  return `${count(value)} ${value === 1 ? "second" : "seconds"}`;
}
