"""Run as a script: take on a user, tie our life to our parent's, then become the command; imports next to nothing.

A program of its own rather than a function run between fork and exec: that is not safe in a process with threads.
`launch.py PARENT SIGNAL USER GROUP CAPABILITY COMMAND ...`; USER, GROUP or CAPABILITY -1: leave it alone.
Sources: prctl(2), capabilities(7), <linux/prctl.h>, <linux/securebits.h>, <linux/capability.h>.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Do what the module says; does not return."""
    parent, death_signal, user, group, capability = map(int, arguments[:5])
    libc = ctypes.CDLL(None, use_errno=True)

    def checked(call: str, *values: object) -> None:
        if getattr(libc, call)(*values) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{call}{values}: {os.strerror(number)}")

    def prctl(*values: int) -> None:
        checked("prctl", *(ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:5]))

    if user != -1:
        if capability != -1:
            # access(2), by which PostgreSQL looks for its own files, ignores capabilities of an ordinary user without it.
            prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
            prctl(_PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        mask = 1 << capability if capability != -1 else 0
        checked("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)(mask, mask, mask))
        if capability != -1:
            prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_PDEATHSIG, death_signal)  # last: a change of user clears it
    if os.getppid() != parent:
        os._exit(1)  # it died before we could be told
    os.execv(arguments[5], arguments[5:])  # nosec B606 # noqa: S606 - our own program, arguments as a list


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"{sys.argv[6]} could not be started: {error}\n")
        sys.exit(126)
