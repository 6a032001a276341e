// A person with a passkey and a browser without scripts: just enough to sign in and to follow an app's request.

import { createHash, randomBytes, webcrypto } from "node:crypto";
import https from "node:https";

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

// `fetch` that trusts the house's own certificate: Node reads NODE_EXTRA_CA_CERTS at its start only, before the house is there.
export const fetchTrusting = (ca) => {
  const agent = new https.Agent({ ca, keepAlive: true });
  const send = (url, { method = "GET", headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const fields = headers instanceof Headers ? Object.fromEntries(headers) : headers;
      const text = body == null ? undefined : body.toString();
      if (text !== undefined) fields["content-length"] = Buffer.byteLength(text);
      const request = https.request(url, { method, headers: fields, agent }, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => {
          const pairs = Object.entries(answer.headersDistinct).flatMap(([name, all]) => all.map((value) => [name, value]));
          const empty = [204, 304].includes(answer.statusCode);
          resolve(new Response(empty ? null : Buffer.concat(parts), { status: answer.statusCode, headers: pairs }));
        });
      });
      request.on("error", reject);
      request.end(text);
    });
  return { send, close: () => agent.destroy() };
};

export class Visitor {
  constructor(origin, send) {
    Object.assign(this, { origin, send, cookie: "" });
  }

  async go(path, fields) {
    const headers = { accept: "text/html", cookie: this.cookie };
    if (fields) Object.assign(headers, { origin: this.origin, "content-type": "application/x-www-form-urlencoded" });
    const body = fields && new URLSearchParams(fields);
    const url = new URL(path, this.origin);
    if (url.origin !== this.origin) throw new Error(`${url} is elsewhere`);
    const answer = await this.send(url, { method: fields ? "POST" : "GET", headers, body });
    const [cookie] = (answer.headers.get("set-cookie") ?? "").split(";");
    if (cookie) this.cookie = cookie;
    return answer;
  }

  // Follows an invitation with a new passkey; afterwards there is a session.
  async moveIn(link, name) {
    const options = await (await this.go(`${link}/passkey/options`, { display_name: name })).json();
    const credential = await newPasskey(this.origin, options.publicKey);
    const answer = await this.go(`${link}/passkey`, { ceremony: options.ceremony, credential: JSON.stringify(credential) });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  }

  // Follows an authorization request until it leaves the house; agrees to what is asked. Returns where it leads.
  async authorize(url) {
    let answer = await this.go(url);
    for (let step = 0; step < 5; step += 1) {
      if (answer.status === 303) {
        const next = new URL(answer.headers.get("location"), this.origin);
        if (next.origin !== this.origin) return next;
        answer = await this.go(next);
        continue;
      }
      const page = await answer.text();
      const [, request] = page.match(/name="request" value="([^"]*)"/) ?? [];
      if (!request) throw new Error(`${answer.status}: ${page}`);
      this.asked = (this.asked ?? 0) + 1;
      answer = await this.go("/consent", { request: request.replace(/&#38;|&amp;/g, "&"), answer: "allow" });
    }
    throw new Error("it leads in circles");
  }
}

// What a device answers to a registration (WebAuthn Level 3, section 5.1): attestation "none", user verified.
async function newPasskey(origin, { challenge, rp }) {
  const pair = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const point = Buffer.from(await webcrypto.subtle.exportKey("raw", pair.publicKey));
  const id = randomBytes(16);
  const clientData = JSON.stringify({ type: "webauthn.create", challenge, origin, crossOrigin: false });
  // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
  const key = Buffer.concat([
    Buffer.from("a5010203262001215820", "hex"), point.subarray(1, 33), Buffer.from("225820", "hex"), point.subarray(33),
  ]);
  const data = Buffer.concat([
    createHash("sha256").update(rp.id).digest(), // RP ID
    Buffer.from([0x45, 0, 0, 0, 0]), // present, verified, with a credential; counter
    Buffer.alloc(16), // no model
    Buffer.from([0, id.length]), id, key,
  ]);
  // CBOR: {"fmt": "none", "attStmt": {}, "authData": bytes}
  const attestation = Buffer.concat([
    Buffer.from([0xa3, 0x63]), Buffer.from("fmt"), Buffer.from([0x64]), Buffer.from("none"),
    Buffer.from([0x67]), Buffer.from("attStmt"), Buffer.from([0xa0]),
    Buffer.from([0x68]), Buffer.from("authData"), Buffer.from([0x58, data.length]), data,
  ]);
  return {
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key",
    response: {
      clientDataJSON: base64url(clientData),
      attestationObject: base64url(attestation),
      transports: ["internal"],
    },
    clientExtensionResults: {},
  };
}
