"""What can go wrong, with codes that callers may rely on.

`web/errors.py` alone turns these into HTTP answers; `docs/errors.md` lists the codes.
"""


class PodiumError(Exception):
    """Base. `code` is stable and snake_case; `detail` is a sentence for a person."""

    code = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class NotFound(PodiumError):
    """Absent, or not visible to this caller."""

    code = "not_found"


class NotAllowed(PodiumError):
    """Visible, but this caller may not do that."""

    code = "not_allowed"


class Conflict(PodiumError):
    """At odds with the present state."""

    code = "conflict"


class Invalid(PodiumError):
    """Well-formed but against a rule. `loc` names the field, as in `("body", "name")`."""

    code = "invalid"

    def __init__(self, detail: str, *, loc: tuple[str, ...] = (), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.loc = loc


class Unavailable(PodiumError):
    """A needed part is down. `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after: int = 5, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class VendorError(PodiumError):
    """The outside world said no. The four subclasses say what a caller can do about it."""

    code = "vendor_error"


class Retryable(VendorError):
    """Time-out, cut connection, broken answer or 5xx: the same call may work later."""

    code = "vendor_unavailable"


class Throttled(Retryable):
    """Too many calls. `delay` is what the vendor asked for, in seconds, or None."""

    code = "vendor_throttled"

    def __init__(self, detail: str, *, delay: float | None = None) -> None:
        super().__init__(detail)
        self.delay = delay


class Refused(VendorError):
    """The same call will be refused again."""

    code = "vendor_refused"


class Duplicate(VendorError):
    """Had been done before, which means done."""

    code = "vendor_duplicate"
