"""The site in this process."""

from tests.integration.web.conftest import app, client, site_settings

__all__ = ["app", "client", "site_settings"]
