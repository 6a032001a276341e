// Small helpers: copy, print, save as a file, and a look at a picture before it is sent. Every page works without them
// unless it says so.
"use strict";

(() => {
  const textOf = (selector) =>
    Array.from(document.querySelectorAll(selector), (each) => each.textContent.trim()).join("\n");
  const tell = (button) => {
    const done = button.querySelector("[data-done]");
    const todo = button.querySelector("[data-todo]");
    if (!done || !todo) return;
    done.hidden = false;
    todo.hidden = true;
  };

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(textOf(button.dataset.copy));
      tell(button);
    });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  for (const button of document.querySelectorAll("[data-save]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([textOf(button.dataset.save) + "\n"], { type: "text/plain" }));
      link.download = button.dataset.name;
      link.click();
      URL.revokeObjectURL(link.href);
      tell(button);
    });
  }

  // The clock of this device, for a box that has none.
  for (const field of document.querySelectorAll("[data-now-is]")) {
    const tick = () => {
      const now = new Date();
      field.value = String(Math.floor(now.getTime() / 1000));
      field.form.querySelector("[data-now-shown]").textContent = now.toLocaleString([], { dateStyle: "full", timeStyle: "short" });
    };
    tick();
    window.setInterval(tick, 1000);
    field.form.addEventListener("submit", tick);
  }

  // The picture is cropped to a square and made small here, so that a phone's photo fits the limit of the route.
  // It is drawn on a canvas: the policy of the page allows images of this site only.
  const SIDE = 384;
  for (const form of document.querySelectorAll("form[data-picture]")) {
    const file = form.querySelector('input[type="file"]');
    const canvas = form.querySelector("canvas");
    const send = form.querySelector("button");
    const wrong = form.querySelector("[data-picture-error]");
    file.disabled = false;
    file.addEventListener("change", async () => {
      wrong.hidden = true;
      send.disabled = true;
      if (!file.files[0]) return;
      try {
        const image = await createImageBitmap(file.files[0]);
        const edge = Math.min(image.width, image.height);
        canvas.width = canvas.height = SIDE;
        const pen = canvas.getContext("2d");
        pen.fillStyle = "#fff";
        pen.fillRect(0, 0, SIDE, SIDE);
        pen.drawImage(image, (image.width - edge) / 2, (image.height - edge) / 2, edge, edge, 0, 0, SIDE, SIDE);
        form.elements.picture.value = canvas.toDataURL("image/jpeg", 0.85).split(",")[1];
        form.querySelectorAll("[data-now]").forEach((each) => { each.hidden = true; });
        canvas.hidden = false;
        send.disabled = false;
      } catch {
        wrong.hidden = false;
      }
    });
  }
})();
