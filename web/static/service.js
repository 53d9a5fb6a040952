/* The service's HTTP interface, and the ways in which it can fail. */

const PATIENCE = 30_000; // milliseconds

/** The service answered, with an error. */
export class ServiceError extends Error {
  constructor({ status, code, message, requestId, retryAfter }) {
    super(message);
    Object.assign(this, { status, code, requestId, retryAfter });
  }
}

/** No answer came: offline, refused, or too late. */
export class Unreachable extends Error {}

const SPOKEN = {
  404: "That could not be found.",
  413: "That is too large to send. Try a smaller picture.",
  429: "Many people are searching right now.",
  502: "The search service is not answering at the moment.",
  503: "The search service is not ready yet.",
  504: "The search service took too long to answer.",
};

/** Seconds to wait according to `Retry-After` (a number of seconds, or an HTTP date), or null. */
export function retryAfterSeconds(header, now = Date.now()) {
  if (!header) return null;
  const wait = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 1), 120) : null;
}

async function failure(response) {
  const body = await response.json().catch(() => null);
  const error = body && typeof body.error === "object" && body.error !== null ? body.error : {};
  return new ServiceError({
    status: response.status,
    code: typeof error.code === "string" ? error.code : `http_${response.status}`,
    message: typeof error.message === "string" && error.message ? error.message : (SPOKEN[response.status] ?? `The search service answered with an error (${response.status}).`),
    requestId: typeof error.request_id === "string" ? error.request_id : null,
    retryAfter: retryAfterSeconds(response.headers.get("Retry-After")),
  });
}

async function ask(path, { body, signal } = {}) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  const giveUp = () => patience.abort();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const request = { headers: { Accept: "application/json" }, signal: patience.signal };
    if (body !== undefined) {
      request.method = "POST";
      request.headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const response = await fetch(path, request);
    if (!response.ok) throw await failure(response);
    return await response.json();
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    signal?.throwIfAborted(); // a newer request took over: that is no failure
    if (patience.signal.aborted) throw new Unreachable("The search service took too long to answer.");
    if (error instanceof SyntaxError) throw new Unreachable("The search service sent something that is not an answer.");
    throw new Unreachable(navigator.onLine ? "The search service cannot be reached." : "You are offline.");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

// Relative to the page, so that the whole may live below a path of some other site.
export const search = (body, signal) => ask("search", { body, signal });
export const fetchRelease = () => ask("release");
export const fetchProduct = (id, signal) => ask(`products/${encodeURIComponent(id)}`, { signal });
export const imageAddress = (id) => `images/${encodeURIComponent(id)}`;
