/* Python, in a worker: it can be stopped at any time, and the page never waits for it. */
"use strict";
const here = self.playground;  // the address of the folder: this worker itself comes from a blob, to be under the page's policy
let session;

async function start() {
  const { loadPyodide } = await import(`${here}pyodide/pyodide.mjs`);
  self.postMessage({ kind: "loading", text: "Loading Python …", part: 0.2 });
  const python = await loadPyodide({ indexURL: `${here}pyodide/` });
  self.postMessage({ kind: "loading", text: "Loading tracegrad …", part: 0.7 });
  const archive = await fetch(`${here}tracegrad.zip`);
  if (!archive.ok) throw new Error(`tracegrad.zip: ${archive.status} ${archive.statusText}`);
  python.unpackArchive(await archive.arrayBuffer(), "zip", { extractDir: "/home/pyodide" });
  session = python.pyimport("nn.playground.session").Session((message) => self.postMessage(JSON.parse(message)));
  self.postMessage({ kind: "ready" });
}

const started = start().catch((error) => self.postMessage({ kind: "failed", text: String(error.message ?? error) }));

self.onmessage = async (event) => {
  await started;
  if (session) session.run(event.data.program, JSON.stringify(event.data.moved));
};
