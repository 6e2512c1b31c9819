// Requests to the project's REST API.

export class ApiError extends Error {}

/** The message of an ApiError; of any other error, `otherwise`. */
export function describeThrown(error, otherwise) {
  return error instanceof ApiError ? error.message : otherwise;
}

/** Throw errors of the scripts themselves again, so that the browser's console has them. */
export function throwUnexpected(error) {
  if (!(error instanceof ApiError)) throw error;
}

/** The JSON at `address` with `parameters`. Throws an ApiError whose message the page can show. */
export async function getJson(address, parameters = {}) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => {
    throw new ApiError("The server cannot be reached.");
  });
  if (!response.ok) throw new ApiError(await describeError(response));
  return response.json().catch(() => {
    throw new ApiError("The server's answer is incomplete: try again."); // the connection broke, or a proxy answered
  });
}

async function describeError(response) {
  if (response.status === 401 || response.status === 403) return "You are no longer logged in: reload the page.";
  if (response.status === 429) return `Too many requests: try again in ${response.headers.get("Retry-After") ?? 60} s.`;
  const { detail } = await response.json().catch(() => ({})); // what an operator can correct, such as an unknown calendar
  return detail ?? `The server answered ${response.status}: see its log.`;
}

export function toIso(seconds) {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "+00:00");
}

export function toSeconds(isoText) {
  return Date.parse(isoText) / 1000;
}
