/* What is said in place of products: nothing found, something failed, please wait. */

import { element, icon } from "./element.js";
import { seconds } from "./wording.js";

/**
 * @param {HTMLElement} place
 * @param {{title: string, message?: string, detail?: string, urgent?: boolean, failed?: boolean, actions?: [string, () => void][]}} notice
 */
export function showNotice(place, { title, message, detail, urgent = false, failed = false, actions = [] }) {
  place.hidden = false;
  place.replaceChildren(
    element(
      "div",
      { class: failed ? "notice-box notice-failed" : "notice-box", role: urgent ? "alert" : "status" },
      icon(urgent ? "info" : "nothing"),
      element("h2", { text: title }),
      message && element("p", { text: message }),
      actions.length > 0 &&
        element("p", { class: "notice-actions" }, ...actions.map(([label, run], place) => element("button", { type: "button", class: place ? "quiet-button" : "strong-button", text: label, on: { click: run } }))),
      detail && element("p", { class: "hint", text: detail }),
    ),
  );
}

export function hideNotice(place) {
  place.hidden = true;
  place.replaceChildren();
}

/** Counts down in a notice, then runs. @returns {() => void} stops it */
export function countDown(place, wait, run) {
  const clock = element("p", { class: "hint", "aria-hidden": "true" }); // announcing every second would only disturb
  const box = place.firstElementChild;
  box.insertBefore(clock, box.querySelector(".hint"));
  let left = wait;
  const tick = () => {
    if (left <= 0) {
      clearInterval(timer);
      run();
      return;
    }
    clock.textContent = `Trying again in ${seconds(left)}.`;
    left -= 1;
  };
  const timer = setInterval(tick, 1000);
  tick();
  return () => clearInterval(timer);
}

/** A short remark at the foot of the page that goes away by itself. */
export function remark(text) {
  document.querySelector(".remark")?.remove();
  const node = element("p", { class: "remark", role: "alert", text });
  document.body.append(node);
  setTimeout(() => node.remove(), 6000);
}
