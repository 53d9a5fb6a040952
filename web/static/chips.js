/* Chips: what is being searched with, and which filters are set. Each can be taken away. */

import { element, icon } from "./element.js";
import { attributeValue, humanise, isPrice, number, price } from "./wording.js";

function chip({ label, kind, thumbnail, onRemove }) {
  const image = thumbnail && element("img", { src: thumbnail, alt: "", width: 48, height: 48 });
  const picture = image && element("span", { class: "chip-plate" }, image);
  image?.addEventListener("error", () => picture.remove(), { once: true });
  return element(
    "li",
    { class: thumbnail ? "chip chip-large" : "chip" },
    picture,
    element("span", { class: "chip-text" }, kind && element("span", { class: "chip-kind", text: `${kind} ` }), label),
    element("button", { type: "button", "aria-label": `Remove ${[kind, label].filter(Boolean).join(" ")}`, on: { click: onRemove } }, icon("close")),
  );
}

/** @param {{preview: string, name: string}} picture */
export const pictureChip = (picture, onRemove) => chip({ label: "Your picture", thumbnail: picture.preview, onRemove });

export const likeChip = (title, thumbnail, onRemove) => chip({ kind: "Like", label: title, thumbnail, onRemove });

/** "10 to 50", "from 10", "up to 50". */
export function rangeText(name, { min, max }) {
  const write = isPrice(name) ? (value) => price(value) : number;
  if (min !== undefined && max !== undefined) return `${write(min)} to ${write(max)}`;
  return min !== undefined ? `from ${write(min)}` : `up to ${write(max)}`;
}

/**
 * One chip for each chosen value, range or switch.
 * @param {(name: string, wanted: any) => void} onChange called with what remains of that attribute's wish
 */
export function filterChips(filters, onChange) {
  return Object.entries(filters).flatMap(([name, wanted]) => {
    const kind = `${humanise(name)}:`;
    if (Array.isArray(wanted)) {
      return wanted.map((value) => chip({ kind, label: value, onRemove: () => onChange(name, wanted.filter((other) => other !== value)) }));
    }
    const label = typeof wanted === "boolean" ? attributeValue(name, wanted) : rangeText(name, wanted);
    return [chip({ kind, label, onRemove: () => onChange(name, null) })];
  });
}
