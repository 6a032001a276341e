// A page of the setup that waits for something at the box, the button or a certificate, and then goes on by itself.
"use strict";

(() => {
  const EVERY = 1000; // Milliseconds between two questions.
  const place = document.querySelector("[data-watch]");
  if (!place) return;
  const { watch, state: shown } = place.dataset;
  const form = place.querySelector("[data-begin]");

  const ask = async () => {
    const reply = await fetch(watch, { headers: { accept: "application/json" }, credentials: "same-origin" });
    return reply.ok ? (await reply.json()).state : shown;
  };

  const look = async () => {
    // A page in the background is not what somebody looks at who presses the button.
    let state = shown;
    if (!document.hidden) {
      try {
        state = await ask();
      } catch {
        // The box starts again, or the phone has no network for a moment: ask once more.
      }
    }
    if (state === "open" && form) form.submit();
    else if (state === "mine") window.location.assign("/setup/next");
    else if (state !== shown) window.location.reload();
    else window.setTimeout(look, EVERY);
  };
  if (shown !== "open") window.setTimeout(look, EVERY);
})();
