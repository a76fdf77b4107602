// Calls of the hub's API, and in words what went wrong with one. Knows no session.

// This module lies at <root>/ui/<version>/api.js.
export const root = new URL("../../", import.meta.url);

export const pageUrl = (path) => new URL(path, root).href;

// `status` is 0 where there was no answer at all.
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(wordsFor(status, body, retryAfter));
    this.status = status;
    this.code = body.code ?? "";
    this.retryAfter = retryAfter;
    this.fields = Array.isArray(body.errors) ? body.errors : [];
  }
}

// The answer's JSON, or null for none. Throws `Problem`. `more` is passed on to fetch.
export async function request(method, path, { body, token, ...more } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  let content;
  try {
    answer = await fetch(new URL(`api/v1/${path}`, root), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      ...more,
    });
    content = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {}, 0);
  }
  const data = parsed(content);
  if (answer.ok) return data;
  throw new Problem(answer.status, data ?? {}, Number(answer.headers.get("Retry-After")) || 0);
}

// A proxy in between may answer with a page of its own: that is no data.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function wordsFor(status, body, retryAfter) {
  if (status === 0) {
    return navigator.onLine === false
      ? "You are offline. Check your connection, then try again."
      : "The hub did not answer. Check that you are on the right network, then try again.";
  }
  if (status === 429) return `Too many tries. Wait ${seconds(retryAfter || 60)}, then try again.`;
  if (status >= 500 && !body.detail) return "The hub cannot answer right now. Try again in a moment.";
  if (status === 500) return `Something went wrong in the hub. ${asked(body)}`;
  return body.detail || body.title || "That did not work.";
}

function asked(body) {
  return body.request_id ? `If it happens again, tell whoever runs it: ${body.request_id}` : "Try again in a moment.";
}

export function seconds(count) {
  if (count < 90) return count === 1 ? "1 second" : `${Math.ceil(count)} seconds`;
  if (count < 5400) return `${Math.ceil(count / 60)} minutes`;
  return `${Math.ceil(count / 3600)} hours`;
}
