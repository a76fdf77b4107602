// Tokens that came in a link's fragment, which browsers never send.

// The token, taken out of the address bar and so out of the history and of screenshots. "" if there is none.
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  history.replaceState(null, "", location.pathname);
  return token;
}
