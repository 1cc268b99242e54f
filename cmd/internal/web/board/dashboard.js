"use strict";
(() => {
  const live = document.getElementById("live"), banner = document.getElementById("stale");
  const silence = document.getElementById("silent"), icon = document.querySelector("link[rel=icon]");
  const patience = 5000; // without a word of the node, in milliseconds
  const away = 30000; // until a page that nobody sees is not followed any more
  const glance = 60000; // how often it is looked at then, for its title and its icon
  let stream = null, retry = 1000, timer = 0, resting = false, looked = Date.now();
  let skew = Date.parse(live.dataset.now) - Date.now(); // of the node's clock against this one
  let heard = performance.now(), tried = heard, asOf = live.textContent.replace("as of ", ""), lost = false, open = new Map();

  // times shows moments as how long ago they were, or, when nothing is live, as they are.
  // lasts says how long something lasts, short and in one unit or two.
  const lasts = s => s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min" :
    s < 86400 ? Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min" : Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";

  function times(within) {
    const now = Date.now() + skew;
    for (const t of within.querySelectorAll("time")) {
      if (!t.title) t.title = t.textContent;
      const text = lost ? t.title : lasts(Math.max(0, Math.round((now - Date.parse(t.dateTime)) / 1000))) + " ago";
      if (t.textContent !== text) t.textContent = text;
    }
  }

  // show puts a section in place of what it was. What is open stays open, and the focus
  // where it is.
  function show(key, html) {
    const at = document.getElementById(key.slice(0, key.indexOf(":")));
    if (!at) return;
    for (const d of at.querySelectorAll("details")) open.set(d.id, d.open);
    const focus = at.contains(document.activeElement) ? document.activeElement.closest("details") : null;
    at.innerHTML = html;
    at.dataset.key = key;
    at.hidden = html === "";
    for (const d of at.querySelectorAll("details")) if (open.has(d.id)) d.open = open.get(d.id);
    const again = focus && document.getElementById(focus.id);
    if (again) again.firstElementChild.focus({ preventScroll: true });
    times(at);
    if (at.id === "headline") title();
  }

  function numbers(key, list) {
    const at = document.querySelector('section[data-key="' + key + '"]');
    if (!at) return;
    const values = list.split(" ");
    at.querySelectorAll("i").forEach((n, i) => { if (n.textContent !== values[i]) n.textContent = values[i]; });
  }

  // title has the title and the icon tell how things are, which is all that is seen of a page
  // in the background.
  function title() {
    const level = lost ? "lost" : document.querySelector("#headline p").className;
    const node = document.querySelector("header p b").textContent;
    document.title = ({ lost: "? ", odd: "! ", bad: "\u2715 " }[level] || "") + "perch: " + node;
    const file = "dashboard" + (level === "ok" ? "" : "-" + level) + ".svg";
    if (icon.getAttribute("href") !== file) icon.setAttribute("href", file);
  }

  // state says whether what is shown is live. A reader hears of it once: for how long it has
  // been silent stands beside the alert.
  function state(why, since) {
    lost = why !== "";
    live.dataset.state = lost ? "stale" : "live";
    live.textContent = lost ? "not live" : "live, " + asOf;
    if (document.documentElement.classList.toggle("stale", lost)) times(document);
    const text = lost ? "Not live: " + why + ". What is shown is as of " + asOf + "." : "";
    banner.hidden = !lost;
    if (banner.firstChild.textContent !== text) banner.firstChild.textContent = text;
    silence.textContent = since ? " Nothing was heard for " + since + "." : "";
    title();
  }

  const split = (data, then) => { const i = data.indexOf("\n"); then(data.slice(0, i), data.slice(i + 1)); };

  function connect() {
    clearTimeout(timer);
    if (stream) stream.close();
    tried = performance.now();
    const has = [...document.querySelectorAll("section[data-key]")].map(s => s.dataset.key).join(",");
    const mine = stream = new EventSource("dashboard/stream?has=" + encodeURIComponent(has));
    mine.addEventListener("section", e => split(e.data, show));
    mine.addEventListener("numbers", e => split(e.data, numbers));
    mine.addEventListener("tick", e => split(e.data, (iso, text) => {
      skew = Date.parse(iso) - Date.now();
      asOf = text;
      heard = performance.now();
      retry = 1000;
      state("");
      if (resting) rest();
    }));
    mine.onerror = () => {
      mine.close();
      if (mine !== stream) return;
      stream = null;
      state("this node does not answer, or has too many viewers; trying again");
      timer = setTimeout(connect, retry);
      retry = Math.min(retry * 2, 10000);
    };
  }

  // rest ends the stream, and looks again in a while.
  function rest() {
    if (stream) stream.close();
    stream = null;
    resting = true;
    clearTimeout(timer);
    timer = setTimeout(connect, glance);
  }

  // awake follows a page again that was not followed, or whose stream may have died
  // without a word.
  function awake(why) {
    resting = false;
    state(why);
    connect();
  }

  function look() {
    const slept = Date.now() - looked; // which the other clock does not tell
    looked = Date.now();
    if (slept > patience && !document.hidden) return awake("this computer slept; asking again");
    if (!lost) times(document);
    const now = performance.now(), silent = now - heard;
    if (stream && silent > patience) state("no word of this node", lasts(Math.round(silent / 1000)));
    if (stream && Math.min(silent, now - tried) > 4 * patience) connect();
  }

  document.addEventListener("visibilitychange", () => {
    looked = Date.now();
    if (document.hidden) {
      clearTimeout(timer);
      timer = setTimeout(rest, away);
    } else if (stream && !resting) clearTimeout(timer);
    else awake("nobody was looking; asking again");
  });
  addEventListener("pageshow", e => { if (e.persisted) awake("this page was left; asking again"); });
  times(document);
  title();
  connect();
  setInterval(look, 1000);
})();
