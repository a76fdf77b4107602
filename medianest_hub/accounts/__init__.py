"""People, their passwords, sessions and tokens; knows no HTTP."""

from medianest_hub.accounts.first_run import FirstRun
from medianest_hub.accounts.passwords import Passwords
from medianest_hub.accounts.people import Account, People
from medianest_hub.accounts.permissions import RolePermissions
from medianest_hub.accounts.sessions import Session, Sessions, session_key
from medianest_hub.accounts.sign_in import SignedIn, SignIn
from medianest_hub.accounts.tokens import Claims, Issued, Tokens

__all__ = [
    "Account",
    "Claims",
    "FirstRun",
    "Issued",
    "Passwords",
    "People",
    "RolePermissions",
    "Session",
    "Sessions",
    "SignIn",
    "SignedIn",
    "Tokens",
    "session_key",
]
