"""Errors of the token endpoint, in its own words (RFC 6749, section 5.2)."""

from dataclasses import dataclass


@dataclass(eq=False)
class OAuthError(Exception):
    status: int
    error: str
    description: str | None = None

    @property
    def body(self) -> dict[str, str]:
        if self.description is None:
            return {"error": self.error}
        return {"error": self.error, "error_description": self.description}

    @classmethod
    def invalid_grant(cls, description: str | None = None) -> "OAuthError":
        return cls(400, "invalid_grant", description or "Bad Request")

    @classmethod
    def redirect_uri_mismatch(cls) -> "OAuthError":
        return cls(400, "redirect_uri_mismatch", "Bad Request")

    @classmethod
    def invalid_client(cls) -> "OAuthError":
        return cls(401, "invalid_client", "Unauthorized")

    @classmethod
    def unsupported_grant_type(cls, grant_type: str) -> "OAuthError":
        return cls(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}")

    @classmethod
    def missing(cls, parameter: str) -> "OAuthError":
        return cls(400, "invalid_request", f"Missing required parameter: {parameter}")


NAMED = {
    "invalid_grant": OAuthError.invalid_grant(),
    "invalid_grant_revoked": OAuthError.invalid_grant("Token has been expired or revoked."),
    "redirect_uri_mismatch": OAuthError.redirect_uri_mismatch(),
    "invalid_client": OAuthError.invalid_client(),
    "unsupported_grant_type": OAuthError.unsupported_grant_type("foo"),
    "internal_failure": OAuthError(500, "internal_failure"),
    "temporarily_unavailable": OAuthError(503, "temporarily_unavailable"),
}
"""By the name that a fault asks for."""
