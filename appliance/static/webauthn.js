// Passkeys. A form marked data-passkey="get" or "create" fetches its options, asks the device, puts the answer
// into its own hidden field and is then posted like any other form: the server answers with a page, not with JSON.
// The words for errors stand in the page (data-when), so that they are written and translated in one place.
"use strict";

(() => {
  const toBytes = (text) => {
    const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  };
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withIds = (list) => (list || []).map((each) => ({ ...each, id: toBytes(each.id) }));

  const forCreate = (key) => ({
    ...key,
    challenge: toBytes(key.challenge),
    user: { ...key.user, id: toBytes(key.user.id) },
    excludeCredentials: withIds(key.excludeCredentials),
  });
  const forGet = (key) => ({ ...key, challenge: toBytes(key.challenge), allowCredentials: withIds(key.allowCredentials) });

  const answer = (credential) => {
    const given = credential.response;
    const response = { clientDataJSON: toText(given.clientDataJSON) };
    if (given.attestationObject) {
      response.attestationObject = toText(given.attestationObject);
      response.transports = given.getTransports ? given.getTransports() : [];
    } else {
      response.authenticatorData = toText(given.authenticatorData);
      response.signature = toText(given.signature);
      response.userHandle = given.userHandle ? toText(given.userHandle) : null;
    }
    const extensions = credential.getClientExtensionResults();
    return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response, extensions });
  };

  const complain = (form, reason) => {
    const box = form.querySelector("[data-passkey-error]");
    if (!box) return;
    let shown = false;
    for (const line of box.querySelectorAll("[data-when]")) {
      line.hidden = !line.dataset.when.split(" ").includes(reason);
      shown = shown || !line.hidden;
    }
    if (!shown) box.querySelector('[data-when~="other"]').hidden = false;
    box.hidden = false;
  };
  const quiet = (form) => {
    const box = form.querySelector("[data-passkey-error]");
    if (box) box.hidden = true;
  };

  let waiting = null; // The autofill request; a second ceremony must end it first.

  const fetchOptions = async (form) => {
    const reply = await fetch(form.dataset.options, {
      method: "POST",
      headers: { accept: "application/json" },
      credentials: "same-origin",
      body: new URLSearchParams(new FormData(form)),
    });
    if (reply.ok) return reply.json();
    if (reply.status === 401) {
      // Something else is asked first, such as who is there.
      window.location.assign((await reply.json()).location);
      return new Promise(() => {});
    }
    throw Object.assign(new Error(reply.statusText), { name: reply.status === 503 ? "busy" : "stale" });
  };

  const run = async (form, mediation) => {
    const options = await fetchOptions(form);
    if (waiting) waiting.abort();
    const abort = new AbortController();
    const call = { signal: abort.signal };
    let credential;
    if (form.dataset.passkey === "create") {
      credential = await navigator.credentials.create({ ...call, publicKey: forCreate(options.publicKey) });
    } else {
      if (mediation) {
        waiting = abort;
        call.mediation = mediation;
      }
      credential = await navigator.credentials.get({ ...call, publicKey: forGet(options.publicKey) });
    }
    form.elements.credential.value = answer(credential);
    if (options.ceremony && form.elements.ceremony) form.elements.ceremony.value = options.ceremony;
    form.submit();
  };

  const busy = (form, is) => {
    for (const button of form.querySelectorAll("button")) button.disabled = is;
    form.setAttribute("aria-busy", String(is));
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const able = window.PublicKeyCredential && navigator.credentials;
    if (!able) {
      complain(form, "unsupported");
      continue;
    }
    form.querySelectorAll("[data-needs-passkey]").forEach((each) => { each.hidden = false; });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      quiet(form);
      busy(form, true);
      try {
        await run(form, null);
      } catch (error) {
        busy(form, false);
        complain(form, error.name);
      }
    });
    if ("autofill" in form.dataset && PublicKeyCredential.isConditionalMediationAvailable) {
      PublicKeyCredential.isConditionalMediationAvailable()
        .then((can) => (can ? run(form, "conditional") : null))
        // Nobody asked for this one: it may end silently, and the button is still there.
        .catch(() => {});
    }
  }

  // Coming back with the back button must not leave a dead button behind.
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-passkey]").forEach((form) => busy(form, false)));
})();
