/* What products are called, for the chips of "like this". */

import { fetchProduct } from "./service.js";

const known = new Map();

export const learnTitles = (hits) => hits.forEach(({ id, title }) => known.set(id, title));

/** A title as far as it is known; `onLearned` runs later if it has to be asked for. */
export function titleOf(id, onLearned) {
  if (!known.has(id)) {
    known.set(id, id);
    fetchProduct(id).then((product) => {
      known.set(id, product.title);
      onLearned();
    }, () => {}); // the search itself will tell what is wrong with this id
  }
  return known.get(id);
}
