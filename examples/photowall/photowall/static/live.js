// New photos appear on the wall as they are posted (server-sent events).
// The page is complete without this file.

(() => {
  const wall = document.querySelector("[data-live]");
  if (!wall || !window.EventSource) return;

  const status = document.getElementById("live-status");
  const news = document.getElementById("live-news");
  const most = Number(wall.dataset.perPage);
  let newest = wall.dataset.live;
  let added = 0;

  function show(connected) {
    status.hidden = false;
    status.classList.toggle("lost", !connected);
    status.textContent = connected ? "Live" : "Reconnecting";
  }

  function add(event) {
    const template = document.createElement("template");
    template.innerHTML = event.data;
    const card = template.content.firstElementChild;
    newest = event.lastEventId;
    if (!card || document.getElementById(card.id)) return;
    card.classList.add("new");
    document.querySelector(".empty")?.remove();
    wall.prepend(card);
    while (wall.children.length > most) wall.lastElementChild.remove();
    added += 1;
    news.textContent = added === 1 ? "One new photo." : `${added} new photos.`;
  }

  let source;
  let late;

  function connect() {
    const url = new URL(wall.dataset.url, location.href);
    url.searchParams.set("after", newest);
    source = new EventSource(url);
    source.addEventListener("photo", add);
    source.addEventListener("open", () => {
      clearTimeout(late);
      late = undefined;
      show(true);
    });
    source.addEventListener("error", () => {
      // The server ends the stream now and then, and the browser comes back by itself. It gives up
      // when the answer was no event stream, such as an error of a proxy: then we come back.
      late ??= setTimeout(() => {
        late = undefined;
        show(false);
        if (source.readyState === EventSource.CLOSED) connect();
      }, 6000);
    });
  }

  connect();
  // A page that is left would keep its connection, and browsers have six for each site.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
})();
