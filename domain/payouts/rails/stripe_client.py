"""The official client, with its own retries off and our time limits."""

import requests
import stripe
from requests.adapters import HTTPAdapter
from stripe import StripeClient

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""Without a byte. A transfer takes Stripe a second or two."""
CONNECTIONS = 32


def make_client(api_key: str, url: str) -> StripeClient:
    """Return a client that may be shared by threads and greenlets."""
    session = requests.Session()
    session.mount(f"{url}/", HTTPAdapter(pool_maxsize=CONNECTIONS))
    # It would send each call's duration along with the next one.
    stripe.enable_telemetry = False
    return StripeClient(
        api_key,
        base_addresses={"api": url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS), session=session),
    )
