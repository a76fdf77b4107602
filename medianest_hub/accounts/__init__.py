"""People, their passwords, sessions and tokens; knows no HTTP."""

from medianest_hub.accounts.account import Account
from medianest_hub.accounts.first_run import FirstRun
from medianest_hub.accounts.passwords import Passwords
from medianest_hub.accounts.people import People
from medianest_hub.accounts.permissions import RolePermissions
from medianest_hub.accounts.refresh import RefreshTokens
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
    "RefreshTokens",
    "RolePermissions",
    "Session",
    "Sessions",
    "SignIn",
    "SignedIn",
    "Tokens",
    "session_key",
]
