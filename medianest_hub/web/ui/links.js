// Tokens that came in a link's fragment, which browsers never send.

// The token of `#<token>` or `#token=<token>`, taken out of the address bar and so out of the history and of screenshots.
// "" if there is none.
export function takeToken() {
  const token = location.hash.replace(/^#(token=)?/, "");
  history.replaceState(null, "", location.pathname);
  return token;
}
