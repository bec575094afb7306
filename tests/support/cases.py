"""A test program is a list of functions: each runs, prints its name, and the program fails when one does."""
import sys
import time
import traceback

_cases = []


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


def case(function):
    _cases.append(function)
    return function


def run_cases(*args, only=None):
    failed = skipped = 0
    for function in _cases:
        if only and only not in function.__name__:
            continue
        start = time.monotonic()
        try:
            function(*args)
            verdict = "ok"
        except Skip as reason:
            verdict, skipped = f"skipped: {reason}", skipped + 1
        except Exception:
            verdict, failed = "FAILED", failed + 1
            traceback.print_exc()
        print(f"{verdict:8} {function.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
    print(f"summary: {len(_cases) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


def raises(kind, call, *needles):
    """The exception that `call` raises; its text must hold every needle."""
    try:
        call()
    except kind as error:
        for needle in needles:
            assert needle in str(error), f"{needle!r} is not in {str(error)!r}"
        return error
    raise AssertionError(f"nothing was raised; wanted {kind.__name__} with {needles}")
