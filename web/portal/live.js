// Keeps the marked parts of a page up to date: when the node tells of something that happened, the same page is
// asked for again and its parts that are marked `data-live` take the place of the old ones. What is being
// pointed at with the keyboard stays as it is. Without this script the page is complete, and stands still.
(() => {
  const bar = document.querySelector("[data-live-bar]");
  if (bar === null || globalThis.EventSource === undefined) return;
  const words = bar.dataset;
  const status = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  bar.append(status, " ", button);
  bar.hidden = false;

  let stream;
  let waiting;
  let last = 0;

  async function refresh() {
    waiting = undefined;
    last = Date.now();
    const answer = await fetch(location.href).catch(() => undefined);
    if (answer?.ok !== true || stream === undefined) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const name = CSS.escape(part.dataset.live);
      const next = fresh.querySelector(`[data-live="${name}"]`);
      if (next !== null && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(next));
    }
  }

  /** At most once a second, and not while nobody looks. */
  function soon() {
    if (document.hidden) {
      addEventListener("visibilitychange", soon, { once: true });
    } else {
      waiting ??= setTimeout(refresh, Math.max(200, last + 1000 - Date.now()));
    }
  }

  function show() {
    const on = stream !== undefined;
    status.textContent = on ? words.on : words.off;
    button.textContent = on ? words.pause : words.resume;
  }

  function follow() {
    stream = new EventSource("/api/v1/events/stream");
    stream.addEventListener("event", soon);
    // It comes again by itself, and what was missed meanwhile is on the page that is asked for then.
    stream.addEventListener("open", () => last > 0 && soon());
    show();
  }

  button.addEventListener("click", () => {
    if (stream === undefined) {
      follow();
      soon();
    } else {
      stream.close();
      stream = undefined;
      clearTimeout(waiting);
      waiting = undefined;
      show();
    }
  });
  follow();
})();
