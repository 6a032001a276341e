// Another provider that many certify with, npm's oidc-provider, so that a check that no correct provider could pass is found:
//     npm install --no-save --prefix appliance/tests oidc-provider
//     PROVIDER=oidc-provider node --test appliance/tests/certification/certification.test.mjs

import { createServer } from "node:http";

import { Agent, forms } from "../agent.mjs";

const { default: Provider } = await import("oidc-provider");

const answer = (page) => {
  const all = forms(page);
  const door = all.find(({ action, fields }) => action?.includes("/interaction/") && "login" in fields);
  if (door) return { kind: "sign in", action: door.action, fields: { ...door.fields, login: "cora", password: "any" } };
  const question = all.find(({ action, fields }) => action?.includes("/interaction/") && fields.prompt === "consent");
  if (question) return { kind: "consent", action: question.action, fields: question.fields };
  const leave = all.find(({ action }) => action?.endsWith("/session/end/confirm"));
  if (leave) return { kind: "sign out", action: leave.action, fields: { ...leave.fields, logout: "yes" } };
  return undefined;
};

export async function open() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://localhost:${server.address().port}`;
  const claims = { name: "Cora Vogel", email: "cora@example.org", email_verified: true };
  const provider = new Provider(issuer, {
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...claims }) }),
    features: {
      claimsParameter: { enabled: true },
      registration: { enabled: true, initialAccessToken: "first" },
      registrationManagement: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
    },
    enableHttpPostMethods: true,
    // Its own calls nobody on this computer.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    cookies: { long: { sameSite: "none" } },
    scopes: ["openid", "profile", "email", "offline_access"],
    pkce: { required: () => false },
    rotateRefreshToken: true,
    clientDefaults: { id_token_signed_response_alg: "RS256" },
  });
  provider.on("backchannel.error", (_, error) => console.error(error));
  server.on("request", provider.callback());
  const send = (url, init) => fetch(url, { redirect: "manual", ...init });
  return {
    name: "oidc-provider",
    issuer,
    send,
    async app({ redirectUris = [], postLogoutRedirectUris = [], backchannelLogoutUri, authentication } = {}) {
      const metadata = {
        redirect_uris: redirectUris.length > 0 ? redirectUris : ["https://app.example.org/cb"],
        post_logout_redirect_uris: postLogoutRedirectUris,
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: authentication ?? "client_secret_basic",
        ...(backchannelLogoutUri && { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
      };
      const headers = { "content-type": "application/json", authorization: "Bearer first" };
      const answer = await send(`${issuer}/reg`, { method: "POST", headers, body: JSON.stringify(metadata) });
      const client = await answer.json();
      if (answer.status !== 201) throw new Error(JSON.stringify(client));
      return client;
    },
    browser: () => new Agent(issuer, send, answer),
    registrationToken: async () => "first",
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
