/* The filters' place: a column beside the products, or a drawer where there is no room for one. */

import { byId } from "./element.js";

const ROOM = matchMedia("(min-width: 62rem)");

export const hasRoom = () => ROOM.matches;

/** @param {{onClear: () => void}} actions @returns {{show(matches: string): void}} */
export function filterDrawer({ onClear }) {
  const dialog = byId("drawer");
  const panel = byId("filters");

  const place = () => {
    if (ROOM.matches && dialog.open) dialog.close();
    (ROOM.matches ? byId("side") : byId("drawer-body")).append(panel);
  };
  ROOM.addEventListener("change", place);
  place();

  byId("open-filters").addEventListener("click", () => dialog.showModal());
  for (const id of ["close-drawer", "drawer-show"]) byId(id).addEventListener("click", () => dialog.close());
  byId("drawer-clear").addEventListener("click", onClear);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  return {
    show({ label, active }) {
      byId("drawer-show").textContent = label;
      byId("drawer-clear").disabled = active === 0;
      const badge = byId("filter-count");
      badge.hidden = active === 0;
      badge.textContent = String(active);
      badge.setAttribute("aria-label", `, ${active} active`);
    },
  };
}
