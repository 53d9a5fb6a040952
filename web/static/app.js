/* The page: one query, one picture, one request at a time; everything on show follows from those. */

import { emptyFilters, emptyQuery, filterCount, STEPS, withFilter } from "./address.js";
import { showCards, showGhosts, showSamples } from "./cards.js";
import { filterChips, likeChip, pictureChip } from "./chips.js";
import { productDialog } from "./detail.js";
import { filterDrawer, hasRoom } from "./drawer.js";
import { byId, element } from "./element.js";
import { exampleQueries } from "./examples.js";
import { filterPanel } from "./filters.js";
import { countDown, hideNotice, remark, showNotice } from "./notice.js";
import { PictureProblem, readPicture, takePictures } from "./picture.js";
import { closablePopovers } from "./popover.js";
import { asksSomething, canBeMixed, question } from "./question.js";
import { fetchRelease, imageAddress, search, ServiceError, Unreachable } from "./service.js";
import { balanceOptions, mixSlider } from "./sliders.js";
import { hideTiming, showTiming } from "./timing.js";
import { learnTitles, titleOf } from "./titles.js";
import { travels } from "./travel.js";
import { count, milliseconds, products } from "./wording.js";

const [text, grid, notice, more, results] = ["text", "grid", "notice", "more", "results"].map(byId);

let query = emptyQuery();
let picture = null;
let release = null;
let answer = null;
let request = null;
let learning = null;
let stopWaiting = () => {};
let tryAgain = null; // set while the service cannot be reached

const clearFilters = () => change({ filters: emptyFilters() });
const changeFilter = (name, wanted) => change({ filters: withFilter(query.filters, name, wanted) });

const panel = filterPanel(byId("filters"), { onChange: changeFilter, onClear: clearFilters });
const drawer = filterDrawer({ onClear: clearFilters });
const mix = mixSlider({ onChange: (value) => change({ mix: value }, { step: false }) });
const balance = balanceOptions({ onChange: (value) => change({ balance: value }, { step: false }) });
const openProduct = productDialog({ onLike: moreLike });
const travel = travels({
  onArrive(arrived, itsPicture, lost) {
    [query, picture] = [arrived, itsPicture];
    text.value = query.text;
    if (lost) remark("The picture is not kept when the page is loaded again. Drop it once more to search with it.");
    showQuery();
    run();
  },
});

/* Changing the query */

function change(patch, { step = true, newPicture = picture } = {}) {
  query = { ...query, k: STEPS[0], ...patch };
  picture = newPicture;
  travel.note(query, picture, { step });
  showQuery();
  if (step) rise();
  run();
}

/** Brings the beginning of the products into view when it has been scrolled away. */
function rise() {
  if (asksSomething(query, picture)) scrollTo({ top: 0 });
  else if (results.getBoundingClientRect().top < 0) results.scrollIntoView();
}

function submit() {
  const typed = text.value.trim();
  const same = typed === query.text;
  change({ text: typed }, { step: !same });
}

function moreLike(product) {
  learnTitles([product]);
  text.value = "";
  change({ text: "", like: [product.id], mix: emptyQuery().mix }, { newPicture: null });
  results.focus({ preventScroll: true });
}

async function usePicture(file) {
  try {
    const taken = await readPicture(file);
    byId("detail").close();
    change({ text: text.value.trim(), like: [] }, { newPicture: taken });
  } catch (error) {
    if (!(error instanceof PictureProblem)) throw error;
    remark(error.message);
  }
}

/* Asking */

async function run({ adding = false } = {}) {
  request?.abort();
  stopWaiting();
  tryAgain = null;
  const mine = (request = new AbortController());
  const began = performance.now();
  busy(true);
  if (!answer && !adding) showGhosts(grid);
  try {
    const found = await ask(mine.signal);
    show(found, performance.now() - began, adding);
  } catch (error) {
    if (mine.signal.aborted) return;
    if (!(error instanceof ServiceError || error instanceof Unreachable)) throw error;
    showProblem(error, adding);
  } finally {
    if (request === mine) busy(false);
  }
}

async function ask(signal) {
  const facets = panel.counted();
  try {
    return await search(question(query, picture, facets), signal);
  } catch (error) {
    if (!(facets.length && error instanceof ServiceError && error.status === 422)) throw error;
    return await search(question(query, picture), signal); // a new release may lack what the last one could count
  }
}

/** Learns of the live release; asked again meanwhile, it is still the same request. */
function learnRelease() {
  learning ??= fetchRelease()
    .then(showRelease, () => {}) // searching works without; the next answer tries again
    .finally(() => (learning = null));
  return learning;
}

function showRelease(live) {
  release = live;
  document.body.classList.toggle("no-filters", !panel.build(release.attributes, { compact: !hasRoom() }));
  panel.show(query.filters);
  if (answer?.facets) panel.count(answer.facets);
  else if (filterCount(query.filters) > 0) run(); // asked, or being asked, before it was known what can be counted
  byId("invitation").textContent = `Search ${products(release.products)} by words, by a picture, or by a picture and a few words about it.`;
  const examples = exampleQueries(release.attributes);
  byId("examples").replaceChildren(...examples.map((example) => element("button", { type: "button", class: "example", text: example, on: { click: () => begin(example) } })));
  byId("examples").hidden = examples.length === 0;
}

function begin(example) {
  text.value = example;
  submit();
}

/* Showing */

function busy(yes) {
  byId("progress").hidden = !yes;
  results.setAttribute("aria-busy", String(yes));
}

function showQuery() {
  const asking = asksSomething(query, picture);
  document.body.dataset.view = asking ? "results" : "start";
  byId("headline").textContent = asking ? (query.text ? `Results for “${query.text}”` : "Results") : "Say it, show it, or both.";
  document.title = query.text ? `${query.text} – Aisle` : "Aisle";
  text.placeholder = query.like.length || picture ? "Add words, such as “but in red”" : "Search by words or a picture";
  showClear();

  const chips = query.like.map((id) =>
    likeChip(titleOf(id, showQuery), imageAddress(id), () => remove("query-chips", { like: query.like.filter((other) => other !== id) })),
  );
  if (picture) chips.unshift(pictureChip(picture, () => remove("query-chips", {}, { newPicture: null })));
  byId("query-chips").replaceChildren(...chips);
  byId("ingredients").hidden = chips.length === 0;
  mix.show(query.mix, canBeMixed(query, picture));
  balance.show(query.balance);

  const set = filterChips(query.filters, (name, wanted) => remove("filter-chips", { filters: withFilter(query.filters, name, wanted) }));
  if (set.length > 1) set.push(element("li", {}, element("button", { type: "button", class: "text-button", text: "Clear all", on: { click: clearFilters } })));
  byId("filter-chips").replaceChildren(...set);
  byId("filter-chips").hidden = set.length === 0;
  panel.show(query.filters);
  showDrawer();
}

const showDrawer = () => drawer.show({ active: filterCount(query.filters), label: answer ? `Show ${products(answer.matches)}` : "Show products" });

/** Takes a chip away, and leaves the focus where it was, as far as there is something left. */
function remove(list, patch, options) {
  change(patch, options);
  (byId(list).querySelector("button") ?? results).focus({ preventScroll: true });
}

const showClear = () => (byId("clear-text").hidden = text.value === "");

function show(found, roundTrip, adding) {
  if (answer && answer.release !== found.release) {
    grid.replaceChildren(); // other products, perhaps of the same ids
    byId("samples").hidden = true;
  }
  const before = adding ? grid.children.length : 0;
  answer = found;
  hideNotice(notice);
  learnTitles(found.hits);
  panel.count(found.facets);
  if (byId("samples").hidden && !asksSomething(query, picture) && filterCount(query.filters) === 0 && found.hits.length >= STEPS[0]) {
    showSamples(byId("sample-list"), found.hits, { onLike: moreLike });
    byId("samples").hidden = false;
  }
  showCards(grid, found.hits, { onOpen: openProduct, onLike: moreLike });
  const some = `${count(found.hits.length)} of ${products(found.matches)}`; // search ranks all products that pass the filters
  const number = found.hits.length === found.matches ? products(found.matches) : asksSomething(query, picture) ? `best ${some}` : some;
  byId("summary").textContent = `${number} · ${milliseconds(found.milliseconds.total)}`;
  showTiming(found, release, roundTrip);
  showMore(found);
  showDrawer();
  if (found.hits.length === 0) showNothing();
  if (adding) grid.children[before]?.querySelector(".card-title").focus({ preventScroll: true });
  if (release?.release !== found.release) learnRelease().then(() => answer === found && showTiming(found, release, roundTrip));
}

function showMore({ hits, matches }) {
  more.hidden = hits.length === 0 || hits.length >= matches;
  const next = STEPS.find((step) => step > query.k);
  if (next && hits.length >= query.k) {
    more.replaceChildren(element("button", { type: "button", class: "quiet-button", text: "Show more", on: { click: () => raise(next) } }));
  } else {
    more.replaceChildren(element("p", { class: "hint", text: `These are the first ${count(hits.length)}. Use words or filters to come closer.` }));
  }
}

function raise(k) {
  query = { ...query, k };
  travel.note(query, picture, { step: false });
  run({ adding: true });
}

function showNothing() {
  const filtered = filterCount(query.filters) > 0;
  showNotice(notice, {
    title: filtered ? "Nothing matches these filters" : "Nothing to show yet",
    message: filtered ? "Take one away, or start over without them." : "This catalog has no products.",
    actions: filtered ? [["Clear filters", clearFilters]] : [],
  });
}

function showProblem(error, adding) {
  const again = () => run({ adding });
  const place = adding ? more : notice;
  if (!adding) {
    answer = null;
    grid.replaceChildren();
    more.hidden = true;
    byId("summary").textContent = "";
    hideTiming();
    showDrawer();
  }
  const waits = error instanceof ServiceError && (error.status === 429 || (error.status === 503 && error.retryAfter !== null));
  const actions = [["Try again", again]];
  if (filterCount(query.filters) > 0 && error.status >= 400 && error.status < 500 && !waits) actions.unshift(["Clear filters", clearFilters]);
  showNotice(place, {
    urgent: true,
    failed: !waits,
    title: waits ? "One moment, please" : error instanceof Unreachable ? "No connection" : "That did not work",
    message: error.message,
    detail: error instanceof Unreachable ? "The search goes on by itself when the connection is back." : error.requestId && `Request ${error.requestId}`,
    actions,
  });
  if (waits) stopWaiting = countDown(place, error.retryAfter ?? 3, again);
  if (error instanceof Unreachable) tryAgain = again;
}

/* Beginning */

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
text.addEventListener("input", showClear);
text.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && text.value !== "") clearText(event);
});
byId("clear-text").addEventListener("click", (event) => clearText(event));
function clearText(event) {
  event.preventDefault();
  text.value = "";
  text.focus();
  if (query.text) change({ text: "" });
  else showClear();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  text.focus();
  text.select();
});
addEventListener("online", () => tryAgain?.());

takePictures({ onFile: usePicture, onProblem: remark });
closablePopovers();
learnRelease();
travel.arrive();
