/* Going back and forward: the query is in the address, its picture is kept beside it while the page lives. */

import { readAddress, writeAddress } from "./address.js";

const KEPT = 10; // pictures remembered for "back"

/** @param {{onArrive: (query: object, picture: object|null, lost: boolean) => void}} actions */
export function travels({ onArrive }) {
  const pictures = new Map();
  let serial = 0;

  const keep = (picture) => {
    if (!picture) return null;
    for (const [key, known] of pictures) if (known === picture) return key;
    const key = `${Date.now()}-${++serial}`;
    pictures.set(key, picture);
    for (const [old, { preview }] of pictures) {
      if (pictures.size <= KEPT) break;
      pictures.delete(old);
      URL.revokeObjectURL(preview);
    }
    return key;
  };

  const arrive = () => {
    const key = history.state?.picture ?? null;
    const picture = pictures.get(key) ?? null;
    onArrive(readAddress(location.search), picture, key !== null && picture === null);
  };
  addEventListener("popstate", arrive);

  return {
    arrive,
    /** Notes where the page is now; a `step` can be taken back. */
    note(query, picture, { step }) {
      const state = { picture: keep(picture) };
      history[step ? "pushState" : "replaceState"](state, "", writeAddress(query) || location.pathname);
    },
  };
}
