// The name check: asks the house by its name, has the box look whether it was really it that answered, and shows the words
// of the page that fit. A browser does not tell a script why a request failed, so what the box itself can see is added.
"use strict";

(() => {
  const PATIENCE = 8000;

  const ask = async (url) => {
    const signal = AbortSignal.timeout ? AbortSignal.timeout(PATIENCE) : undefined;
    const answer = await fetch(url, { cache: "no-store", credentials: "omit", redirect: "error", signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  // "reached", "another" or "failed" (our own address does not answer), or null when nothing can be read there.
  const reach = async (origin) => {
    let nonce;
    try {
      ({ nonce } = await ask("/reach/begin"));
    } catch {
      return "failed";
    }
    let answer;
    try {
      answer = await ask(`${origin}/reach?nonce=${encodeURIComponent(nonce)}`);
    } catch {
      return null;
    }
    try {
      await ask(`/reach/verify?${new URLSearchParams(answer)}`);
      return "reached";
    } catch (error) {
      return error.message === "403" ? "another" : "failed";
    }
  };

  const check = async ({ issuer, plain }) => {
    const over = await reach(issuer);
    if (over === "reached") return "trusted";
    if (over !== null) return over;
    if (!plain) return "unclear";
    const clear = await reach(plain);
    if (clear === "reached") return "untrusted";
    return clear ?? "unreachable";
  };

  for (const part of document.querySelectorAll("[data-reach]")) {
    const go = part.querySelector("[data-reach-go]");
    const show = (attribute, value) => {
      for (const each of part.querySelectorAll(`[data-${attribute}]`)) each.hidden = each.dataset[attribute] !== value;
    };
    const routers = part.querySelector("[data-routers]");
    const explain = async () => {
      const { finding, found, record } = await ask("/reach/lookup");
      const fill = { found: found.join(", "), record: record ?? "" };
      for (const each of part.querySelectorAll("[data-fill]")) each.textContent = fill[each.dataset.fill];
      show("finding", finding);
      routers.hidden = !["nothing", "here", "itself"].includes(finding);
      routers.open = finding === "nothing";
    };
    const run = async () => {
      go.disabled = true;
      show("finding", "");
      routers.hidden = true;
      show("is", "asking");
      const verdict = await check(part.dataset);
      if (["unreachable", "another", "unclear"].includes(verdict)) await explain().catch(() => {});
      show("is", verdict);
      part.dataset.verdict = verdict;
      go.disabled = false;
    };
    show("is", "");
    go.hidden = false;
    go.addEventListener("click", run);
  }
})();
