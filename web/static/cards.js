/* The grid of products. */

import { element, icon } from "./element.js";
import { imageAddress } from "./service.js";
import { isPrice, price, priceName, score } from "./wording.js";

const TELLING = /colou?r|brand|article|category|product_?type|^type$|material|gender|size/i;
const FACTS = 3;

/** A square picture, or a quiet placeholder when the product has none. */
export function plate(product, { eager = false } = {}) {
  const frame = element("div", { class: "plate" });
  const blank = () => {
    frame.classList.add("plate-blank");
    frame.replaceChildren(icon("nothing"), element("span", { text: "No picture" }));
  };
  if (product.image_url === null) {
    blank();
    return frame;
  }
  const image = element("img", { alt: product.title, width: 400, height: 400, draggable: "false", decoding: "async", loading: eager ? "eager" : "lazy" });
  image.addEventListener("load", () => frame.classList.add("plate-ready"), { once: true });
  image.addEventListener("error", blank, { once: true });
  image.src = imageAddress(product.id);
  frame.append(image);
  return frame;
}

/** The few attributes that say most about a product, in words. */
export function facts(attributes) {
  const written = Object.entries(attributes).filter(([name, value]) => typeof value === "string" && value && !isPrice(name) && name !== "currency");
  const telling = written.filter(([name]) => TELLING.test(name));
  const rest = written.filter(([name]) => !TELLING.test(name));
  return [...telling, ...rest].slice(0, FACTS).map(([, value]) => value);
}

export function priceText(attributes) {
  const name = priceName(attributes);
  return name ? price(attributes[name], attributes.currency) : "";
}

function badge(value) {
  const meaning = "How well this matches, from \u22121 to 1. Higher is closer.";
  return element("span", { class: "badge", title: meaning }, element("span", { class: "unseen", text: "Match " }), score(value));
}

function card(hit, { onOpen, onLike }) {
  const cost = priceText(hit.attributes);
  const details = facts(hit.attributes);
  const open = element("button", { type: "button", class: "card-title", text: hit.title, on: { click: () => onOpen(hit) } });
  const like = element("button", { type: "button", class: "card-like", "aria-label": `More like this: ${hit.title}`, on: { click: () => onLike(hit) } }, icon("similar"), element("span", { text: "More like this" }));
  return element(
    "li",
    { class: "card", data: { id: hit.id } },
    element("div", { class: "card-picture" }, plate(hit), like),
    element("h3", {}, open),
    cost && element("p", { class: "card-price", text: cost }),
    details.length > 0 && element("p", { class: "card-facts", text: details.join(" · ") }),
  );
}

function rate(node, hit) {
  node.querySelector(".badge")?.remove();
  if (typeof hit.score === "number") node.querySelector(".card-picture").append(badge(hit.score));
}

/** Small pictures to start from, from the far end of `hits`; the style sheet shows the first six that have a picture. */
export function showSamples(list, hits, { onLike }) {
  const chosen = hits.filter((hit) => hit.image_url !== null).slice(-10).reverse();
  list.replaceChildren(
    ...chosen.map((hit) => {
      const frame = plate(hit);
      const node = element("li", {}, element("button", { type: "button", "aria-label": `More like this: ${hit.title}`, title: hit.title, on: { click: () => onLike(hit) } }, frame));
      frame.querySelector("img").addEventListener("error", () => node.remove(), { once: true });
      return node;
    }),
  );
}

/** Makes the grid show `hits`; cards that stay are moved and not rebuilt, so that nothing flickers. */
export function showCards(grid, hits, actions) {
  const known = new Map([...grid.children].filter((node) => node.dataset.id !== undefined).map((node) => [node.dataset.id, node]));
  const nodes = hits.map((hit) => {
    const node = known.get(hit.id) ?? card(hit, actions);
    rate(node, hit);
    return node;
  });
  const staying = new Set(nodes);
  for (const node of [...grid.children]) if (!staying.has(node)) node.remove();
  nodes.forEach((node, place) => {
    if (grid.children[place] !== node) grid.insertBefore(node, grid.children[place] ?? null);
  });
}

/** Empty cards, while the first answer is on its way. */
export function showGhosts(grid, number = 12) {
  grid.replaceChildren(
    ...Array.from({ length: number }, () =>
      element("li", { class: "card ghost", "aria-hidden": "true" }, element("div", { class: "card-picture" }, element("div", { class: "plate" })), element("p"), element("p")),
    ),
  );
}
