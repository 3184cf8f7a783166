"""The site in this process."""

from tests.integration.web.conftest import app, site_settings

__all__ = ["app", "site_settings"]
