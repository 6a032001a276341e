// A browser without scripts: it keeps cookies, follows redirects as long as they stay with the provider, and answers the provider's
// pages as a person would. What it did is counted, since much of what is certified is whether somebody was asked.

const MOST_STEPS = 12;

const NAMED = { quot: '"', lt: "<", gt: ">", amp: "&" };
const unescape = (text) =>
  text.replace(/&(?:#(x?)([0-9a-f]+)|(quot|lt|gt|amp));/gi, (_, hex, digits, name) =>
    name ? NAMED[name.toLowerCase()] : String.fromCodePoint(parseInt(digits, hex ? 16 : 10)));

const attribute = (tag, name) => {
  const [, value] = tag.match(new RegExp(`\\s${name}="([^"]*)"`)) ?? [];
  return value === undefined ? undefined : unescape(value);
};

// The forms of a page: where each goes, and what it sends without being filled in.
export function forms(page) {
  return [...page.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => {
    const [tag] = form.match(/<form\b[^>]*>/);
    const fields = {};
    for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
      if (attribute(input, "name")) fields[attribute(input, "name")] = attribute(input, "value") ?? "";
    }
    return { action: attribute(tag, "action"), method: (attribute(tag, "method") ?? "get").toLowerCase(), fields };
  });
}

export class Agent {
  // `answer(page, url)` says what a person does with a page of the provider: { action, fields, kind }, or nothing.
  constructor(origin, send, answer) {
    Object.assign(this, { origin, send, answer, cookies: new Map(), signedIn: 0, asked: 0 });
  }

  // One request, redirects not followed.
  async go(address, fields) {
    const url = new URL(address, this.origin);
    if (url.origin !== this.origin) throw new Error(`${url} is elsewhere`);
    const headers = { accept: "text/html", cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (fields) Object.assign(headers, { origin: this.origin, "content-type": "application/x-www-form-urlencoded" });
    const answer = await this.send(url, { method: fields ? "POST" : "GET", headers, body: fields && new URLSearchParams(fields), redirect: "manual" });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair, ...rest] = cookie.split(";");
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const gone = rest.some((part) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(part));
      if (gone || value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  // Until the browser is sent elsewhere, or sees a page that nobody answers. `stop`: which kind of page is not answered.
  async follow(address, { fields, stop } = {}) {
    let [at, sent] = [address, fields];
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const answer = await this.go(at, sent);
      sent = undefined;
      if ([301, 302, 303, 307, 308].includes(answer.status)) {
        const next = new URL(answer.headers.get("location"), new URL(at, this.origin));
        if (next.origin !== this.origin) return { left: next, status: answer.status };
        at = next.href;
        continue;
      }
      const page = await answer.text();
      const form = forms(page).find(({ action, method }) => method === "post" && action && new URL(action, this.origin).origin !== this.origin);
      if (form) return { posted: form, status: answer.status, page };
      const reply = this.answer(page, new URL(at, this.origin));
      if (!reply || reply.kind === stop) return { page, status: answer.status, headers: answer.headers, kind: reply?.kind };
      if (reply.kind === "sign in") this.signedIn += 1;
      if (reply.kind === "consent") this.asked += 1;
      [at, sent] = [reply.action, reply.fields];
    }
    throw new Error(`${address} leads in circles`);
  }
}
