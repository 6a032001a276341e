"""An app that somebody else wrote: Authlib's OAuth client against the real binary. The browser is a person with a passkey, in JavaScript, that
says line by line where it was sent: `usage: relying_party.py ISSUER CERTIFICATE`, with requests as lines on standard output and answers on
standard input, as JSON."""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

REDIRECT = "https://app.example.org/cb"
issuer, certificate = sys.argv[1:3]


def ask(**question):
    print(json.dumps(question), flush=True)
    return json.loads(sys.stdin.readline())


def session(app, **more):
    one = OAuth2Session(
        app["client_id"],
        app.get("client_secret"),
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        **more,
    )
    # The house's own certificate, whatever the environment says of others.
    one.verify, one.trust_env = certificate, False
    return one


def sign_in(app, metadata, scope, **more):
    one = session(app, scope=scope, **more)
    verifier = "v" * 64
    url, state = one.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-0S6")
    back = ask(authorize=url)["back"]
    token = one.fetch_token(metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier)
    return one, token


metadata = session({"client_id": "none"}).get(issuer + "/.well-known/openid-configuration", withhold_token=True).json()
keys = KeySet.import_key_set(session({"client_id": "none"}).get(metadata["jwks_uri"], withhold_token=True).json())

for method in ["client_secret_basic", "client_secret_post"]:
    app = ask(app=["--allow", "everyone", "--redirect-uri", REDIRECT])
    one, token = sign_in(app, metadata, "openid profile offline_access", token_endpoint_auth_method=method)
    claims = jwt.decode(token["id_token"], keys, algorithms=["ES256"]).claims
    wanted = {"iss": issuer, "aud": app["client_id"], "nonce": "n-0S6"}
    jwt.JWTClaimsRegistry(**{name: {"essential": True, "value": value} for name, value in wanted.items()}).validate(claims)
    info = one.get(metadata["userinfo_endpoint"]).json()
    assert info["sub"] == claims["sub"] and info["name"] == "Cora Vogel", info
    fresh = one.refresh_token(metadata["token_endpoint"])
    assert fresh["refresh_token"] != token["refresh_token"]
    seen = one.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
    assert seen["active"] is True and seen["sub"] == claims["sub"], seen
    one.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"])
    seen = one.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
    assert seen == {"active": False}, seen
    ask(done=f"code, userinfo, refresh, introspection and revocation by {method}")

ask(end=True)
