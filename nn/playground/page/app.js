/* The page: an editor on the left, what the program made on the right. Python runs in a worker (worker.js).
   Text of a program enters the page as text nodes, never as markup; its pages are shown in sandboxed frames. */
"use strict";
const $ = (id) => document.getElementById(id);
const program = $("program"), colors = $("colors"), lines = $("lines"), results = $("results"), sliders = $("sliders");
const here = new URL("./", document.baseURI).href;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* ---- the editor */

const TOKENS = /(?<comment>#.*)|(?<string>("""|''')[\s\S]*?(?:\3|$)|[rfb]?"(?:\\.|[^"\\\n])*"?|[rfb]?'(?:\\.|[^'\\\n])*'?)|(?<number>\b\d[\d_]*\.?\d*(?:e[-+]?\d+)?\b)|(?<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|True|False|None)\b)/g;

let wrongLine = 0;

function paint() {
  const text = program.value, parts = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    parts.push(text.slice(at, match.index), element("span", { class: kind }, match[0]));
    at = match.index + match[0].length;
  }
  colors.replaceChildren(...parts, text.slice(at) + "\n");
  const count = text.split("\n").length;
  lines.replaceChildren(...Array.from({ length: count }, (_, i) =>
    element("span", i + 1 === wrongLine ? { class: "wrong", title: "The error is in this line" } : {}, `${i + 1}`)).flatMap((line) => [line, "\n"]));
  program.parentElement.style.minWidth = `${colors.scrollWidth}px`;
  program.parentElement.style.height = `${colors.scrollHeight}px`;
}

program.addEventListener("input", () => { wrongLine = 0; moved = {}; paint(); });
program.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); return; }
  if (event.key === "Escape") { $("run").focus(); return; }  // the way out by keyboard, as Tab indents
  if (event.key !== "Tab" || event.shiftKey) return;
  event.preventDefault();
  program.setRangeText("    ", program.selectionStart, program.selectionEnd, "end");
  program.dispatchEvent(new Event("input"));
});

function load(text) {
  program.value = text;
  wrongLine = 0;
  moved = {};
  paint();
}

/* ---- Python */

let worker, ready = false, busy = false, again = false, moved = {}, shown = 0;

function state(text, part) {
  $("state").textContent = text;
  $("progress").hidden = part === undefined;
  if (part !== undefined) $("progress").value = part;
}

function startPython() {
  ready = busy = false;
  buttons();
  state("Starting …", 0.05);
  // from a blob, so that the worker is under this page's policy too: no request to another origin
  const text = `self.playground = ${JSON.stringify(here)}; import(${JSON.stringify(`${here}worker.js`)});`;
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  worker = new Worker(address, { type: "module" });
  worker.onmessage = ({ data }) => heard(data);
  worker.onerror = (event) => heard({ kind: "failed", text: event.message || "the worker could not start" });
}

function heard(message) {
  if (message.kind === "loading") state(message.text, message.part);
  if (message.kind === "failed") { state("Python could not start."); print(message.text, "error"); }
  if (message.kind === "ready") { ready = true; state("Ready."); buttons(); if (again) run(); }
  if (message.kind === "text") print(message.text);
  if (message.kind === "page") showPage(message);
  if (message.kind === "slider") showSlider(message);
  if (message.kind === "error") { wrongLine = message.line ?? 0; paint(); print(message.text, "error"); }
  if (message.kind === "done") finished();
}

function buttons() {
  $("run").disabled = !ready || busy;
  $("stop").disabled = !busy;
}

function run() {
  if (!ready || busy) { again = true; return; }
  again = false;
  busy = true;
  wrongLine = 0;
  shown = 0;
  results.dataset.fresh = "";
  for (const old of sliders.children) old.dataset.old = "true";
  for (const old of results.children) old.dataset.old = "true";
  paint();
  buttons();
  state("Running …");
  worker.postMessage({ program: program.value, moved });
}

function finished() {
  busy = false;
  for (const old of document.querySelectorAll("[data-old]")) old.remove();
  state("Done.");
  buttons();
  if (again) run();
}

function stop() {
  worker.terminate();
  again = false;
  for (const old of document.querySelectorAll("[data-old]")) old.remove();
  print("Stopped. Python starts afresh.\n", "error");
  startPython();
}

/* ---- results */

function place(made) {  // results come in order, before those of the last run, which go when this one is done
  const old = results.querySelector(":scope > [data-old]");
  results.insertBefore(made, old);
}

function print(text, kind = "") {
  const fresh = [...results.children].filter((child) => !child.dataset.old);
  const last = fresh[fresh.length - 1];
  if (last?.tagName === "PRE" && last.className === kind) last.append(text);
  else place(element("pre", kind ? { class: kind } : {}, text));
}

const framed = new Map();
addEventListener("message", (event) => {
  for (const [frame, html] of framed) {
    if (frame.contentWindow !== event.source) continue;
    if (event.data.ready) frame.contentWindow.postMessage(html, "*");
    if (event.data.height) frame.style.height = `${Math.min(event.data.height + 2, 2000)}px`;
  }
});

function showPage({ title, html }) {
  for (const frame of framed.keys()) if (!frame.isConnected) framed.delete(frame);
  const frame = element("iframe", { sandbox: "allow-scripts", src: "frame.html", title });
  const save = element("button", { type: "button", title: "Save this result as a page of its own" }, "Save");
  save.addEventListener("click", () => download(`${title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40) || "result"}.html`, html, "text/html"));
  framed.set(frame, html);
  place(element("div", { class: "page" }, element("header", {}, element("h2", {}, title), save), frame));
}

function showSlider({ name, value, low, high }) {
  let label = [...sliders.children].find((child) => child.dataset.name === name);
  if (label) { delete label.dataset.old; return; }
  const input = element("input", { type: "range", min: low, max: high, step: (high - low) / 200, value });
  const output = element("output", {}, short(value));
  label = element("label", {}, name, input, output);
  label.dataset.name = name;
  input.addEventListener("input", () => {
    moved[name] = Number(input.value);
    output.textContent = short(Number(input.value));
    run();
  });
  sliders.append(label);
}
const short = (x) => String(Number(x.toPrecision(4)));

/* ---- what leaves the page, by hand */

function download(name, text, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decoded = (text) => new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)));

$("link").addEventListener("click", async () => {
  history.replaceState(null, "", `#${encoded(program.value)}`);
  try {
    await navigator.clipboard.writeText(location.href);
    state("The link is copied.");
  } catch {
    state("The link is in the address bar.");
  }
});
$("notebook").addEventListener("click", () => download("playground.ipynb", JSON.stringify({
  cells: [
    { cell_type: "code", id: "helpers", execution_count: null, metadata: {}, outputs: [], source: "from autograd import Value\n\n\ndef show(*things):\n    for thing in things:\n        display(thing)\n\n\ndef slider(name, value, low=None, high=None):\n    return Value(value, name)" },
    { cell_type: "code", id: "program", execution_count: null, metadata: {}, outputs: [], source: program.value },
  ],
  metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } }, nbformat: 4, nbformat_minor: 5,
}, null, 1), "application/x-ipynb+json"));
$("run").addEventListener("click", run);
$("stop").addEventListener("click", stop);

async function open() {
  const examples = await (await fetch("examples.json")).json();
  const choice = $("examples");
  choice.append(...Object.keys(examples).map((title) => element("option", {}, title)));
  choice.addEventListener("change", () => { load(examples[choice.value]); history.replaceState(null, "", location.pathname); run(); });
  let text = examples[choice.value];
  if (location.hash.length > 1) {
    try {
      text = decoded(location.hash.slice(1));
    } catch {
      print("The link is damaged, so its program could not be read.\n", "error");
    }
  }
  load(text);
  again = true;
  startPython();
}
open();
