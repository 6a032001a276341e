// The first page of the setup waits for the button of the box and then goes on by itself.
"use strict";

(() => {
  const EVERY = 1000; // Milliseconds between two questions.
  const place = document.querySelector("[data-claim]");
  if (!place) return;
  const shown = place.dataset.claim;
  const form = place.querySelector("[data-begin]");

  const ask = async () => {
    const reply = await fetch("/setup/state", { headers: { accept: "application/json" }, credentials: "same-origin" });
    if (!reply.ok) return shown;
    return (await reply.json()).state;
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
    if (state === "open" && shown !== "open") form.submit();
    else if (state === "mine") window.location.assign("/setup/next");
    else if (state !== shown) window.location.reload();
    else window.setTimeout(look, EVERY);
  };
  window.setTimeout(look, EVERY);
})();
