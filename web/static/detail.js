/* The dialog with everything about one product. */

import { plate, priceText } from "./cards.js";
import { byId, element, icon } from "./element.js";
import { fetchProduct } from "./service.js";
import { attributeValue, humanise, priceName, score } from "./wording.js";

function description(product, { onLike }) {
  const shownAsPrice = priceName(product.attributes);
  const cost = priceText(product.attributes);
  const rows = Object.entries(product.attributes)
    .filter(([name]) => name !== shownAsPrice && !(name === "currency" && shownAsPrice))
    .map(([name, value]) => [humanise(name), attributeValue(name, value, product.attributes)])
    .filter(([, value]) => value !== "");
  if (typeof product.score === "number") rows.push(["Match", score(product.score)]);
  rows.push(["Product id", product.id]);
  const saysMore = product.text && product.text.trim() !== product.title.trim();
  return [
    element("h2", { id: "detail-title", text: product.title }),
    cost && element("p", { class: "detail-price", text: cost }),
    saysMore && element("p", { class: "detail-text", text: product.text }),
    element("button", { type: "button", class: "strong-button", on: { click: () => onLike(product) } }, icon("similar"), "More like this"),
    element("dl", { class: "pairs" }, ...rows.map(([name, value]) => element("div", {}, element("dt", { text: name }), element("dd", { text: value })))),
  ].filter(Boolean);
}

/** @returns {(hit: object) => void} opens the dialog on a product */
export function productDialog({ onLike }) {
  const dialog = byId("detail");
  const body = byId("detail-body");
  let request = null;

  byId("close-detail").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => request?.abort());

  const actions = {
    onLike: (product) => {
      dialog.close();
      onLike(product);
    },
  };

  return async (hit) => {
    request?.abort();
    const mine = (request = new AbortController());
    const words = element("div", { class: "detail-words" });
    words.append(...description(hit, actions));
    body.replaceChildren(plate(hit, { eager: true }), words);
    dialog.showModal();
    dialog.scrollTop = 0;
    try {
      const product = await fetchProduct(hit.id, mine.signal);
      if (mine.signal.aborted) return;
      const focused = words.contains(document.activeElement);
      words.replaceChildren(...description({ ...hit, ...product }, actions));
      if (focused) words.querySelector("button").focus();
    } catch (error) {
      if (mine.signal.aborted) return;
      words.append(element("p", { class: "detail-problem", role: "alert", text: `Not everything could be loaded. ${error.message}` }));
    }
  };
}
