/* Small panels that open from a button: they close on Escape and on a click elsewhere. */

export function closablePopovers() {
  const open = () => document.querySelectorAll("details.popover[open]");
  document.addEventListener("pointerdown", (event) => {
    for (const popover of open()) if (!popover.contains(event.target)) popover.open = false;
  });
  document.addEventListener("focusin", (event) => {
    for (const popover of open()) if (!popover.contains(event.target)) popover.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const popover of open()) {
      popover.open = false;
      popover.querySelector("summary").focus();
    }
  });
}
