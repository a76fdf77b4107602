"""Why routes may do without what routes must have, for the authorization matrix: a new exception needs a line here."""

_SECRET = "the secret is the webhook's own; it names no object of anybody's"
_MONITOR = (
    "monitors are nobody's; the query finds only those the operator shows, and all for who has the right to details"
)
_OWN_LIST = "the statement finds only what stands in the caller's own list; one happening is in many people's"
_LIBRARY = "the library is nobody's; the query finds only what Plex shares with the person, or what the settings show"
_TITLE = "titles are TMDB's and nobody's; of requests for them only their state is told, and whether they are one's own"
NO_OWNER = {
    "/api/v1/jobs/{id}": "the store finds only what the person may see, which differs for admins",
    "/api/v1/dashboard/{widget}": "a widget is nobody's; which ones somebody may see is decided by their permissions",
    "/api/v1/media/{kind}/{id}": "a film is nobody's; each source says what the person may see of it",
    "/api/v1/images/{id}": "the id is a signed and expiring proof that its picture was shown to somebody",
    "/api/v1/youtube/files/{token}": "the token is a signed and expiring link that only its owner could make",
    "/api/v1/notifications/{id}": _OWN_LIST,
    "/api/v1/notifications/{id}/read": _OWN_LIST,
    "/api/v1/hooks/matrix/in_path/{secret}": _SECRET,
    "/api/v1/hooks/plex/media/{secret}": _SECRET,
    "/api/v1/hooks/uptime_kuma/notification/{secret}": _SECRET,
    "/api/v1/overseerr/movies/{tmdb_id}": _TITLE,
    "/api/v1/overseerr/series/{tmdb_id}": _TITLE,
    "/api/v1/plex/collections/{id}": _LIBRARY,
    "/api/v1/plex/items/{id}": _LIBRARY,
    "/api/v1/plex/libraries/{key}/genres": _LIBRARY,
    "/api/v1/plex/libraries/{key}/items": _LIBRARY,
    "/api/v1/plex/playlists/{id}": _LIBRARY + "; none for who sees what Plex shares with them",
    "/api/v1/uptime_kuma/monitors/{id}": _MONITOR,
    "/api/v1/uptime_kuma/monitors/{id}/history": _MONITOR,
    "/ui/{version}/{file}": "files of the program itself, the same for everybody",
}
"""Routes for members or everybody with something in their path and nobody to ask whose it is, and why that is right."""

_SIGNING_IN = "strangers sign in by it; what it takes is the credential"
_PAGE = "a page without anything about anybody in it; what it shows it asks for with a token"
_PROBE = "supervisors and proxies ask it; it says how the hub is, with details for admins alone"
_DOCUMENT = "how to call the hub, the same as in the public documentation"
_PROVIDER = "strangers sign in by it; begun in the zone sign_in, completed by an attempt good once"
_WEBHOOK = "an outside service has no session; the webhook's own secret is asked for"
PUBLIC = {
    "/api/v1/auth/login": _SIGNING_IN,
    "/api/v1/auth/refresh": _SIGNING_IN,
    "/api/v1/auth/logout": "whoever is signed in no longer must be able to lose the cookie; it ends only what it is given",
    "/api/v1/auth/password/reset": _SIGNING_IN,
    "/api/v1/auth/providers": "the page to sign in lists them; names and icons only",
    "/api/v1/auth/plex/start": _PROVIDER,
    "/api/v1/auth/plex/complete": _PROVIDER,
    "/api/v1/invites/look": "whoever holds an invitation sees what it is for; its token is the credential",
    "/api/v1/invites/accept": _SIGNING_IN,
    "/api/v1/setup": "the first admin is made by the operator's one-time token; says else only whether there is one",
    "/": "leads to a page",
    "/setup": _PAGE,
    "/sign-in": _PAGE,
    "/sign-in/done": _PAGE,
    "/invite": _PAGE,
    "/reset-password": _PAGE,
    "/account": _PAGE,
    "/people": _PAGE,
    "/ui/{version}/{file}": NO_OWNER["/ui/{version}/{file}"],
    "/api/v1/images/{id}": "elements of pages send no token; " + NO_OWNER["/api/v1/images/{id}"],
    "/metrics": "Prometheus has no session; the home network, or the token of metrics.token where one is set",
    "/api/health": _PROBE,
    "/api/health/live": _PROBE,
    "/api/health/ready": _PROBE,
    "/api/openapi.json": _DOCUMENT,
    "/api/docs": _DOCUMENT,
    "/api/docs/docs.css": _DOCUMENT,
    "/api/docs/docs.js": _DOCUMENT,
    "/api/v1/youtube/files/{token}": "players send no token; " + NO_OWNER["/api/v1/youtube/files/{token}"],
    "/api/v1/matrix/open": "the plugin made up for these tests shows that public means public",
    "/api/v1/resting/door": "the plugin made up for these tests is off, so nobody comes in by it",
    "/api/v1/hooks/matrix/by_header": _WEBHOOK,
    "/api/v1/hooks/matrix/in_path": _WEBHOOK,
    "/api/v1/hooks/matrix/in_path/{secret}": _WEBHOOK,
    "/api/v1/hooks/overseerr/notification": _WEBHOOK,
    "/api/v1/hooks/plex/media": _WEBHOOK,
    "/api/v1/hooks/plex/media/{secret}": _WEBHOOK,
    "/api/v1/hooks/uptime_kuma/notification": _WEBHOOK,
    "/api/v1/hooks/uptime_kuma/notification/{secret}": _WEBHOOK,
}
"""Routes that ask nobody who they are, and why that is right."""

OWN_CREDENTIAL = {
    "/api/v1/auth/refresh": "refresh_invalid",
    "/api/v1/hooks/matrix/by_header": "webhook_secret",
    "/api/v1/hooks/matrix/in_path": "webhook_secret",
    "/api/v1/hooks/overseerr/notification": "webhook_secret",
    "/api/v1/hooks/plex/media": "webhook_secret",
    "/api/v1/hooks/uptime_kuma/notification": "webhook_secret",
}
"""Public routes that refuse whoever lacks a credential of their own, which no token or key is: the code of their 401."""
