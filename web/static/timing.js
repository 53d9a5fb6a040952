/* The small print of a search: where its time went, and which release answered. */

import { byId, element } from "./element.js";
import { count, humanise } from "./wording.js";

const tenths = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

function pairs(entries) {
  return element("dl", { class: "pairs" }, ...entries.map(([name, value, strong]) => element("div", { class: strong ? "pair-strong" : "" }, element("dt", { text: name }), element("dd", { text: value }))));
}

function day(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(date);
}

export function showTiming(answer, release, roundTrip) {
  const { total, ...stages } = answer.milliseconds;
  const times = Object.entries(stages).map(([stage, value]) => [humanise(stage), `${tenths.format(value)} ms`]);
  times.push(["Total in the service", `${tenths.format(total)} ms`, true], ["Seen from here", `${tenths.format(roundTrip)} ms`]);
  const about = [["Release", answer.release]];
  if (release?.release === answer.release) {
    about.push(["Created", day(release.created)], ["Products", count(release.products)], ["Model", `${release.model.name}, ${release.model.precision}`], ["Index", release.index.kind]);
  }
  byId("timing-panel").replaceChildren(element("h2", { text: "This search" }), pairs(times), element("h2", { text: "Catalog" }), pairs(about));
  byId("timing").hidden = false;
}

export function hideTiming() {
  byId("timing").hidden = true;
  byId("timing").open = false;
}
