// Parts of a page, marked `data-live`, that are replaced by those of the server's newest page.

/** The server's page at this address now; null if it does not answer, or the login has ended. */
export async function fetchPage() {
  const response = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Replace the live parts of this page. A part in which the user is typing stays. */
export function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) replacePart(part, fresh.getElementById(part.id));
  document.title = fresh.title;
}

function replacePart(part, fresh) {
  const active = document.activeElement;
  const isInside = part.contains(active);
  if (!fresh || fresh.innerHTML === part.innerHTML || (isInside && active.matches("input, textarea"))) return;
  part.replaceWith(document.adoptNode(fresh));
  if (!isInside) return;
  const same = active.href ? [...fresh.querySelectorAll("a")].find((link) => link.href === active.href) : null;
  (same ?? document.getElementById("main")).focus({ preventScroll: true });
}
