/* A picture to search with: chosen, dropped or pasted, and made small enough to send. */

import { byId } from "./element.js";

const LONGEST_SIDE = 1024; // pixels
const QUALITY = 0.9;
const SENT_AS_IS = new Set(["image/jpeg", "image/png", "image/webp"]);
const LARGEST_AS_IS = 1_000_000; // bytes

/** The picture cannot be used; the message says why, for people. */
export class PictureProblem extends Error {}

/** Width and height with the longest side at most `limit`; never enlarged. */
export function fitted(width, height, limit = LONGEST_SIDE) {
  const factor = Math.min(1, limit / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

async function shrunk(bitmap) {
  const { width, height } = fitted(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // JPEG has no transparency
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new PictureProblem("This browser could not prepare that picture.");
  return blob;
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new PictureProblem("That picture could not be read."));
    reader.readAsDataURL(blob);
  });
}

/**
 * @param {File|Blob} file
 * @returns {Promise<{base64: string, preview: string, name: string}>} `preview` is a blob: address
 */
export async function readPicture(file) {
  if (file.type && !file.type.startsWith("image/")) throw new PictureProblem(`“${file.name}” is not a picture.`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new PictureProblem("This browser cannot open that picture. Try a JPEG, PNG or WebP.");
  }
  try {
    const fits = Math.max(bitmap.width, bitmap.height) <= LONGEST_SIDE && file.size <= LARGEST_AS_IS && SENT_AS_IS.has(file.type);
    const blob = fits ? file : await shrunk(bitmap);
    return { base64: await base64(blob), preview: URL.createObjectURL(blob), name: file.name ?? "" };
  } finally {
    bitmap.close();
  }
}

const firstFile = (transfer) => {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
};

/** Takes pictures in by button, drop and paste, anywhere on the page. */
export function takePictures({ onFile, onProblem }) {
  const input = byId("picture-file");
  byId("pick-picture").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files[0];
    input.value = ""; // the same picture may be picked again
    if (file) onFile(file);
  });

  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    onFile(file);
  });

  const zone = byId("dropzone");
  let inside = 0; // dragenter and dragleave also fire for every element on the way
  const show = (depth) => {
    inside = Math.max(0, depth);
    zone.hidden = inside === 0;
  };
  let ours = false; // a link or a picture of this very page on the move
  document.addEventListener("dragstart", () => (ours = true));
  document.addEventListener("dragend", () => (ours = false));
  const carriesSomething = (event) => !ours && [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragenter", (event) => carriesSomething(event) && show(inside + 1));
  document.addEventListener("dragleave", (event) => carriesSomething(event) && show(inside - 1));
  document.addEventListener("dragover", (event) => {
    if (!carriesSomething(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    if (!carriesSomething(event)) return;
    event.preventDefault();
    show(0);
    const file = firstFile(event.dataTransfer);
    if (file) onFile(file);
    else onProblem("Pictures of other sites cannot be read from here. Save the picture first, then drop the file.");
  });
}
