/* A query (and the picture in hand) as the body of `POST /search`. */

import { EVEN } from "./address.js";

/** Whether anything is asked at all; with nothing asked the page browses. */
export const asksSomething = (query, picture) => Boolean(query.text || query.like.length || picture);

/** Whether words and a picture (or a product) are given, so that one can be weighed against the other. */
export const canBeMixed = (query, picture) => Boolean(query.text && (query.like.length || picture));

/** 0..100 → the two weights: the heavier one stays 1, so that the middle is exactly 1 to 1. */
export function weightsOf(mix) {
  const share = mix / 100;
  const rounded = (weight) => Math.round(100 * Math.min(1, weight)) / 100;
  return { words: rounded(2 * (1 - share)), looks: rounded(2 * share) };
}

/**
 * @param {import("./address.js").Query} query
 * @param {{base64: string}|null} picture
 * @param {string[]} facets attributes to count
 */
export function question(query, picture, facets = []) {
  const body = { k: query.k };
  if (query.text) body.text = query.text;
  if (picture) body.image = picture.base64;
  if (query.like.length) body.like = query.like;
  if (canBeMixed(query, picture) && query.mix !== EVEN) {
    const { words, looks } = weightsOf(query.mix);
    body.weights = { text: words };
    if (picture) body.weights.image = looks;
    if (query.like.length) body.weights.like = looks;
  }
  if (query.balance !== null) body.balance = query.balance;
  if (Object.keys(query.filters).length) body.filters = query.filters;
  if (facets.length) body.facets = facets;
  return body;
}
