// A chosen photo goes up in pieces before its form is sent (tus 1.0, https://tus.io), and goes on
// where a line broke. The form then has a reference to it. Without this file the form sends the
// photo itself, and so it does when the server refuses the pieces: its page says why.

(() => {
  const form = document.querySelector("form[data-uploads]");
  const input = form?.querySelector("input[type=file]");
  if (!input) return;

  const PIECE = 512 * 1024; // bytes of a request
  const PAUSES = [500, 1000, 2000, 4000, 8000, 16000]; // milliseconds before another try
  const sending = form.querySelector(".sending");
  const bar = sending.querySelector("progress");
  const status = sending.querySelector("[role=status]");

  class Refused extends Error {}

  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const offsetOf = (response) => Number(response.headers.get("Upload-Offset"));

  async function ask(method, url, fields = {}, body = undefined) {
    const headers = { "Tus-Resumable": "1.0.0", ...fields };
    const response = await fetch(url, { method, headers, body });
    // Overtaken, being finished, or out of order: worth another try, as a broken line is.
    const later = response.status >= 500 || [409, 423, 429].includes(response.status);
    if (later) throw new Error(`The answer was ${response.status}.`);
    if (!response.ok) throw new Refused(`The answer was ${response.status}.`);
    return response;
  }

  async function create(file) {
    const response = await ask("POST", form.dataset.uploads, {
      "Upload-Length": String(file.size),
      "Upload-Metadata": `filename ${base64(file.name)}`,
    });
    return response.headers.get("Location");
  }

  function append(url, file, offset) {
    bar.value = offset / file.size;
    status.textContent = `${Math.floor((100 * offset) / file.size)} % sent`;
    const fields = {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": String(offset),
    };
    return ask("PATCH", url, fields, file.slice(offset, offset + PIECE));
  }

  const begun = new WeakMap(); // where files are going to, for who tries again by hand

  // Send a file; return the reference to it.
  async function upload(file) {
    let offset = 0;
    for (let tries = 0; ; tries += 1) {
      try {
        let url = begun.get(file);
        if (url) offset = offsetOf(await ask("HEAD", url)); // it may have come further than we know
        else begun.set(file, (url = await create(file)));
        for (;;) {
          const response = await append(url, file, offset);
          offset = offsetOf(response);
          if (offset >= file.size) return response.headers.get("X-Kept");
          tries = 0;
        }
      } catch (error) {
        if (error instanceof Refused || tries >= PAUSES.length) throw error;
        status.textContent = "The connection is lost. Trying again.";
        await new Promise((done) => setTimeout(done, PAUSES[tries]));
      }
    }
  }

  function refer(reference) {
    const name = `${input.name}-kept`;
    form.querySelector(`input[name="${name}"]`)?.remove();
    const kept = Object.assign(document.createElement("input"), { type: "hidden", name });
    kept.value = reference;
    form.append(kept);
    input.disabled = true; // the photo itself is not sent once more
  }

  let busy = false;

  form.addEventListener("submit", async (event) => {
    const file = input.files[0];
    if (!file?.size) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    sending.hidden = false;
    try {
      const reference = await upload(file);
      if (reference) refer(reference);
    } catch (error) {
      if (!(error instanceof Refused)) {
        status.textContent = "The connection is lost. What you wrote is still here: try again later.";
        busy = false;
        return;
      }
    }
    form.submit();
  });

  // Who comes back to the page finds the form as it was.
  addEventListener("pageshow", () => {
    busy = false;
    input.disabled = false;
    sending.hidden = true;
  });
})();
