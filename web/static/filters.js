/* The filter panel, built from what the release says about its attributes. */

import { element, icon } from "./element.js";
import { count, humanise, isPrice, number, price } from "./wording.js";
import { isColour, swatchColour } from "./swatches.js";

const FINDABLE = 12; // with more values than this, a group gets a box to find one
const LISTED = 100; // the service lists at most this many values
const OPEN_GROUPS = 3;
const MOST_FACETS = 50; // the service counts at most so many

let serial = 0;
const freshId = (stem) => `${stem}-${++serial}`;

/* Every control below is { node, show(wanted) }: show() makes it agree with the query, without telling anybody. */

function swatch(value) {
  const dot = element("span", { class: "swatch", "aria-hidden": "true" });
  const colour = swatchColour(value);
  if (colour) dot.style.setProperty("--swatch", colour);
  else dot.classList.add("swatch-unknown");
  return dot;
}

function group(name, open, ...children) {
  const chosen = element("span", { class: "count", hidden: true });
  const node = element(
    "details",
    { class: "group", open },
    element("summary", {}, element("span", { text: humanise(name) }), chosen, icon("chevron")),
    element("fieldset", {}, element("legend", { class: "unseen", text: humanise(name) }), ...children),
  );
  const mark = (number) => {
    chosen.hidden = number === 0;
    chosen.textContent = String(number);
    chosen.setAttribute("aria-label", `${number} active`);
    if (number > 0) node.open = true;
  };
  return { node, mark };
}

function values(attribute, open, onChange) {
  const { name } = attribute;
  let wanted = [];
  const rows = new Map();
  const list = element("div", { class: "values" });

  const row = (value, products) => {
    const box = element("input", { type: "checkbox", id: freshId("value") });
    const number = element("span", { class: "tick-count", text: products === null ? "" : count(products) });
    box.addEventListener("change", () => onChange(name, box.checked ? [...wanted, value] : wanted.filter((other) => other !== value)));
    const node = element(
      "label",
      { class: "tick", for: box.id },
      box,
      isColour(name) && swatch(value),
      element("span", { class: "tick-text", text: value }),
      number,
    );
    rows.set(value, { box, node, number });
    list.append(node);
  };
  for (const { value, count: products } of attribute.values) row(String(value), products);

  const many = attribute.values.length > FINDABLE;
  if (many) list.classList.add("values-many");
  const { node, mark } = group(name, open, many && finder(name, rows), list, attribute.values.length >= LISTED && element("p", { class: "hint", text: `The ${LISTED} most frequent are listed.` }));

  return {
    node,
    show(next) {
      wanted = Array.isArray(next) ? next : [];
      for (const value of wanted) if (!rows.has(value)) row(value, null); // of an older link, or too rare to be listed
      for (const [value, { box }] of rows) box.checked = wanted.includes(value);
      mark(wanted.length);
    },
    count(found) {
      const products = new Map(found.values.map((one) => [one.value, one.count]));
      // Of a group that is chosen from, the others are left out of the count by the choice itself: theirs is unknown.
      // So is that of values beyond those that the service lists.
      const rest = wanted.length === 0 && found.values.length < LISTED ? count(0) : "";
      for (const [value, { number }] of rows) number.textContent = products.has(value) ? count(products.get(value)) : rest;
    },
  };
}

function finder(name, rows) {
  const id = freshId("find");
  const nothing = element("p", { class: "hint", role: "status", hidden: true, text: "No such value." });
  const box = element("input", { id, type: "search", placeholder: "Find a value", autocomplete: "off", spellcheck: "false" });
  box.addEventListener("input", () => {
    const sought = box.value.trim().toLocaleLowerCase();
    let found = 0;
    for (const [value, { node }] of rows) {
      node.hidden = !value.toLocaleLowerCase().includes(sought);
      if (!node.hidden) found += 1;
    }
    nothing.hidden = found > 0;
  });
  return element("div", { class: "finder" }, element("label", { class: "unseen", for: id, text: `Find a value of ${humanise(name)}` }), box, nothing);
}

function range(attribute, open, onChange) {
  const { name } = attribute;
  const write = isPrice(name) ? (value) => price(value) : number;
  const bound = (label, placeholder) => {
    const id = freshId("bound");
    const input = element("input", { id, type: "number", step: "any", inputmode: "decimal", placeholder });
    input.addEventListener("change", commit);
    return { input, node: element("div", { class: "bound" }, element("label", { for: id, text: label }), input) };
  };
  const low = bound("From", write(attribute.minimum));
  const high = bound("To", write(attribute.maximum));
  const valueOf = ({ input }) => (Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : undefined);

  function commit() {
    let [min, max] = [valueOf(low), valueOf(high)];
    if (min !== undefined && max !== undefined && min > max) [min, max] = [max, min];
    onChange(name, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) });
  }

  const { node, mark } = group(name, open, element("div", { class: "bounds" }, low.node, high.node));
  return {
    node,
    show(next) {
      const wanted = next !== null && typeof next === "object" && !Array.isArray(next) ? next : {};
      low.input.value = wanted.min ?? "";
      high.input.value = wanted.max ?? "";
      mark(wanted.min === undefined && wanted.max === undefined ? 0 : 1);
    },
  };
}

function toggle(attribute, onChange) {
  const { name } = attribute;
  const box = element("input", { id: freshId("toggle"), type: "checkbox", role: "switch" });
  box.addEventListener("change", () => onChange(name, box.checked ? true : null));
  const yes = element("span", { class: "tick-count", text: count(attribute.true) });
  const node = element("label", { class: "toggle", for: box.id }, element("span", { class: "toggle-text", text: humanise(name) }), yes, box);
  return { node, show: (next) => (box.checked = next === true), count: (found) => (yes.textContent = count(found.true)) };
}

const control = (attribute, open, onChange) => {
  if (attribute.type === "boolean") return toggle(attribute, onChange);
  if (attribute.type === "number") return range(attribute, open, onChange);
  return values(attribute, open, onChange);
};

const worthShowing = (attribute) =>
  attribute.type === "boolean" ? attribute.true > 0 && attribute.false > 0
    : attribute.type === "number" ? attribute.maximum > attribute.minimum
      : Array.isArray(attribute.values) && attribute.values.length > 0;

/**
 * @param {HTMLElement} container
 * @param {{onChange: (name: string, wanted: any) => void, onClear: () => void}} actions
 */
export function filterPanel(container, { onChange, onClear }) {
  let controls = new Map();
  const clear = element("button", { type: "button", class: "text-button", hidden: true, text: "Clear all", on: { click: onClear } });

  return {
    /** Builds the panel anew. @returns {boolean} whether there is anything to filter by */
    build(attributes, { compact = false } = {}) {
      const shown = attributes.filter(worthShowing);
      let left = compact ? 1 : OPEN_GROUPS;
      controls = new Map(shown.map((attribute) => [attribute.name, control(attribute, attribute.type !== "boolean" && left-- > 0, onChange)]));
      container.replaceChildren(
        element("div", { class: "filters-head" }, element("h2", { text: "Filters" }), clear),
        ...[...controls.values()].map(({ node }) => node),
      );
      return shown.length > 0;
    },
    /** Attributes whose products can be counted, for `facets` of a query. @returns {string[]} */
    counted: () => [...controls].filter(([, { count }]) => count).map(([name]) => name).slice(0, MOST_FACETS),
    /** Shows how many products there are of each value. @param {object[]} facets of an answer */
    count(facets = []) {
      for (const found of facets) controls.get(found.name)?.count?.(found);
    },
    show(filters) {
      clear.hidden = Object.keys(filters).length === 0;
      for (const [name, { show }] of controls) show(filters[name] ?? null);
    },
  };
}
