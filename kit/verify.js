// Kiểm tra chữ ký của một webhook (Standard Webhooks). Chép tệp này vào chương trình của mình; chỉ cần Node.js 16 trở lên.
//
//   const { verify } = require("./verify.js");
//   const event = verify("whsec_...", request.headers, body);   // body: Buffer, đúng từng byte đã nhận
//
// Throws WebhookRefused unless one signature fits: `v1` by a secret `whsec_...`, `v1a` by a public key `whpk_...`.
// Afterwards look whether `webhook-id` was handled before: a webhook comes again when its answer was lost on the way.
"use strict";

const crypto = require("node:crypto");

// Seconds that the sender's clock and ours may differ, and that a recorded request stays usable.
const TOLERANCE = 300;
const SHORTEST_KEY = 24;
const ED25519_KEY_HEAD = Buffer.from("302a300506032b6570032100", "hex");

// `code` is missing-header, bad-timestamp, too-old, too-new, no-signature or wrong-signature.
class WebhookRefused extends Error {
  constructor(code) {
    super(code);
    this.name = "WebhookRefused";
    this.code = code;
  }
}

// Returns the JSON of a genuine webhook. Throws TypeError when the secret was copied wrongly.
function verify(secret, headers, body, now = Date.now() / 1000) {
  const { version, key } = readKey(secret);
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((part) => header(headers, `webhook-${part}`));
  if (!/^[0-9]{1,15}$/.test(timestamp)) throw new WebhookRefused("bad-timestamp");
  const age = now - Number(timestamp);
  if (Math.abs(age) > TOLERANCE) throw new WebhookRefused(age > 0 ? "too-old" : "too-new");
  const offered = signatures.split(" ").filter((each) => each.startsWith(`${version},`));
  if (offered.length === 0) throw new WebhookRefused("no-signature");
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, "utf8");
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`, "utf8"), bytes]);
  // Every signature is looked at, whichever fits.
  const fitting = offered.filter((each) => fits(version, key, signed, each.slice(version.length + 1)));
  if (fitting.length === 0) throw new WebhookRefused("wrong-signature");
  return JSON.parse(bytes.toString("utf8"));
}

function header(headers, name) {
  const found = typeof headers.get === "function" ? headers.get(name) : byName(headers, name);
  if (typeof found !== "string") throw new WebhookRefused("missing-header");
  return found;
}

function byName(headers, name) {
  const key = Object.keys(headers).find((each) => each.toLowerCase() === name);
  return key === undefined ? undefined : headers[key];
}

function readKey(secret) {
  const version = secret.startsWith("whpk_") ? "v1a" : "v1";
  const text = secret.replace(/^(whpk|whsec)_/, "");
  const key = Buffer.from(text, "base64");
  const right = version === "v1a" ? key.length === 32 : key.length >= SHORTEST_KEY;
  if (!right || key.toString("base64") !== text) throw new TypeError("the secret is whsec_... or whpk_..., copied whole");
  return { version, key };
}

function fits(version, key, signed, signature) {
  const given = Buffer.from(signature, "base64");
  // Node reads base64 leniently; only the one right spelling of a signature is one.
  if (given.toString("base64") !== signature) return false;
  if (version === "v1") {
    const expected = crypto.createHmac("sha256", key).update(signed).digest();
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  }
  const publicKey = { key: Buffer.concat([ED25519_KEY_HEAD, key]), format: "der", type: "spki" };
  return given.length === 64 && crypto.verify(null, signed, crypto.createPublicKey(publicKey), given);
}

module.exports = { verify, WebhookRefused, TOLERANCE };
