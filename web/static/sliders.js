/* The two balances: the query's words against its picture, and the products' looks against their words. */

import { byId } from "./element.js";

const REST = 200; // milliseconds a slider must rest before the search runs

function settled(action) {
  let timer = 0;
  return (value) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(value), REST);
  };
}

const spoken = (share, low, high) => (share === 50 ? `${low} and ${high} alike` : share < 50 ? `${100 - share}% ${low}` : `${share}% ${high}`);

/** @param {{onChange: (mix: number) => void}} actions */
export function mixSlider({ onChange }) {
  const input = byId("mix");
  const tell = settled(onChange);
  const describe = () => input.setAttribute("aria-valuetext", spoken(input.valueAsNumber, "words", "picture"));
  input.addEventListener("input", () => {
    describe();
    tell(input.valueAsNumber);
  });
  return {
    show(mix, visible) {
      byId("mix-row").hidden = !visible;
      if (document.activeElement !== input) input.valueAsNumber = mix;
      describe();
    },
  };
}

/** @param {{onChange: (balance: number|null) => void}} actions null is the release's own choice */
export function balanceOptions({ onChange }) {
  const popover = byId("options");
  const auto = byId("balance-auto");
  const input = byId("balance");
  const tell = settled(onChange);
  const describe = () => input.setAttribute("aria-valuetext", auto.checked ? "Auto" : spoken(input.valueAsNumber, "looks", "words"));
  const current = () => (auto.checked ? null : input.valueAsNumber / 100);
  const changed = () => {
    popover.classList.toggle("popover-set", !auto.checked);
    describe();
    tell(current());
  };
  auto.addEventListener("change", changed);
  input.addEventListener("input", () => {
    auto.checked = false;
    changed();
  });
  return {
    show(balance) {
      auto.checked = balance === null;
      popover.classList.toggle("popover-set", balance !== null);
      if (document.activeElement !== input) input.valueAsNumber = balance === null ? 50 : balance * 100;
      describe();
    },
  };
}
